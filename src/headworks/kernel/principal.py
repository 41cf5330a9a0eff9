"""Who calls, as every door and use case sees it: nothing of how they proved it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from headworks.kernel.permissions import Permission


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, within one organisation."""

    id: str
    """Of the user, the service account, the key or the directory's token, as `kind` says."""
    kind: Literal["user", "service_account", "key", "directory", "system"]
    """key: one that belongs to nobody in particular; directory: a company's; system: Headworks itself, at its start."""
    organization_id: str
    """The organisation that they act in. It comes from what proved who they are, never from the request."""
    project_id: str | None
    """The project that things are made in where the request names none; None for the organisation's first."""
    permissions: frozenset[Permission]
    session_id: str | None = None
    """Of a user that signed in."""
    key_id: str | None = None
    """The key that proved it, where one did."""
    must_change_password: bool = False
    """They signed in with a password that was made for them, and have to choose their own first."""

    def may(self, permission: Permission) -> bool:
        """Whether they hold `permission`."""
        return permission in self.permissions
