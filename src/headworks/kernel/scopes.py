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

    def __init__(self, scope: Scope, wanted: str, *, field: str = "scope_id") -> None:
        message = f"there is no {scope} {wanted!r}{'' if scope == 'organization' else ' in this organisation'}"
        super().__init__(f"{field}: {message}", details=[FieldProblem(field, self.code, message)])
