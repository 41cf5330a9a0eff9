"""Limits as they are kept, and what is told when they change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.kernel.scopes import Scope

Unit = Literal["requests", "tokens", "spend", "concurrent"]
Window = Literal["minute", "hour", "day"]

SECONDS: Final[dict[Window, int]] = {"minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Limit:
    """So many units in any window of that length, for all that the scope sends together."""

    id: str
    organization_id: str
    scope: Scope
    scope_id: str
    """The id of what is limited; for a model its name. For `user`: of all keys that the user owns."""
    unit: Unit
    window: Window | None
    """None for `concurrent`: requests at once."""
    amount: int
    """Requests or tokens; nanodollars for `spend`."""
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def window_seconds(self) -> int:
        """0 for requests at once."""
        return 0 if self.window is None else SECONDS[self.window]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose request it is, and what it asks for."""

    organization_id: str
    project_id: str
    key_id: str
    user_id: str | None
    """Who owns the key; None where that is no user."""
    model: str
    """As the caller named it; empty where the request names none."""

    def id_of(self, scope: Scope) -> str | None:
        """What a limit of this scope is held against; None where the request has no such thing."""
        found = {
            "organization": self.organization_id,
            "project": self.project_id,
            "user": self.user_id,
            "key": self.key_id,
            "model": self.model,
        }[scope]
        return found or None


@dataclass(frozen=True, slots=True)
class Holding:
    """What a request is held to."""

    limits: tuple[Limit, ...]
    age_ms: int = 0
    """How long ago it was last known to be true. Above zero only while the store cannot be asked."""


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """`limits.changed`: an organisation's requests are held to other limits now."""

    organization_id: str
