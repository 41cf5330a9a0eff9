"""Who acts: users, what they are in which organisation, who is invited, and the accounts of programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Role = Literal["admin", "maintainer", "viewer"]
"""What somebody is in one organisation; `identity.domain.roles` says what each may do."""
State = Literal["active", "disabled"]
InvitationState = Literal["pending", "accepted", "revoked", "expired"]


@dataclass(frozen=True, slots=True)
class User:
    """A person, in the whole installation."""

    id: str
    email: str
    """As it was typed, NFC."""
    email_key: str
    """What it is found by: casefolded."""
    name: str
    created_at: datetime
    created_by: str
    """Who made it; `system` for the first one."""
    state: State = "active"
    """While they are disabled they cannot sign in, and their keys do not work."""
    is_operator: bool = False
    """Whether they may do everything, in the whole installation."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Membership:
    """What a user is in an organisation."""

    id: str
    organization_id: str
    user_id: str
    role: Role
    created_at: datetime
    created_by: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Member:
    """A membership, and who it is."""

    membership: Membership
    user: User


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to join, made by email address. Its token is shown once; only the hash is kept."""

    id: str
    organization_id: str
    email: str
    email_key: str
    role: Role
    token_hash: str
    """SHA-256 of the token, hex."""
    created_at: datetime
    created_by: str
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def version(self) -> int:
        """It changes once: when it is accepted or revoked."""
        return 1 if self.accepted_at is None and self.revoked_at is None else 2

    def state(self, at: datetime) -> InvitationState:
        """Whether it can be accepted at that moment; if it cannot, why."""
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= at else "pending"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who a program is: it belongs to a project, has a role, and owns keys."""

    id: str
    organization_id: str
    project_id: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    state: State = "active"
    """While it is disabled its keys do not work."""
    version: int = 1
