"""What a company's directory told one organisation of its people and groups, and the token that it tells it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts.people import Role

DirectoryTokenState = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class DirectoryToken:
    """What a directory proves itself by. It is shown once; only its hash is kept."""

    id: str
    organization_id: str
    name: str
    token_hash: str
    """SHA-256 of the token, hex."""
    last4: str
    """Its last four characters, to tell tokens apart."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute."""

    @property
    def version(self) -> int:
        """It changes once: when it is revoked."""
        return 1 if self.revoked_at is None else 2

    def state(self, at: datetime) -> DirectoryTokenState:
        """Whether it works at that moment; if it does not, why."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"


@dataclass(frozen=True, slots=True)
class Directory:
    """How an organisation takes what its directory says."""

    organization_id: str
    default_role: Role = "viewer"
    """What somebody is whose groups give them nothing."""
    version: int = 1

    @property
    def id(self) -> str:
        """An organisation has one directory."""
        return self.organization_id


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """Somebody whom the directory knows, and the account that they have here."""

    id: str
    organization_id: str
    user_id: str
    user_name: str
    """As the directory wrote it."""
    user_name_key: str
    """What it is found by, and is unique by in the organisation."""
    external_id: str | None
    """The directory's own name for them."""
    is_active: bool
    """Whether they are to belong to the organisation."""
    document: str
    """What else the directory said of them, as JSON; nothing here is decided by it."""
    created_at: datetime
    changed_at: datetime
    own_role: Role | None = None
    """What people gave them, by an invitation or by hand: the least that they are while they belong."""
    made_account: bool = False
    """Whether the account was made because of this person, and not found."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A group of the directory, and what belonging to it makes of somebody here."""

    id: str
    organization_id: str
    name: str
    name_key: str
    """What it is found by. Two groups may share it."""
    external_id: str | None
    created_at: datetime
    changed_at: datetime
    role: Role | None = None
    """None gives nothing."""
    version: int = 1
