"""What limits and budgets are set on."""

from __future__ import annotations

from typing import Literal

from headworks.kernel.errors import FieldProblem, Invalid

Scope = Literal["organization", "project", "user", "key", "model"]
"""All of an organisation, or one of its parts by id; models go by their name. `user`: all keys that the user owns."""


class UnknownScope(Invalid):
    """What is set on something that is not there would never be met."""

    code = "unknown_scope"
    title = "There is nothing of that id"

    def __init__(self, scope: Scope, wanted: str) -> None:
        message = f"this organisation has no {scope} {wanted!r}"
        super().__init__(f"scope_id: {message}", details=[FieldProblem("scope_id", self.code, message)])
