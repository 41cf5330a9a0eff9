"""What others see of identity: frozen values, and the event that a key has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.kernel.permissions import Permission

KeyKind = Literal["inference", "management"]
KeyState = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant: the outermost wall that no query crosses."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    """A part of an organisation that keys and costs belong to."""

    id: str
    organization_id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is kept: its hash and how it looks, never the key itself."""

    id: str
    organization_id: str
    project_id: str
    name: str
    kind: KeyKind
    permissions: frozenset[Permission]
    key_hash: str
    """SHA-256 of the whole key, hex."""
    prefix: str
    """`hw_sk_` or `hw_mk_`; empty for a key that was imported by its hash."""
    last4: str
    """Its last four characters, to tell keys apart; empty for an imported one."""
    created_at: datetime
    created_by: str
    """The key that made it, or `system`."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute, from usage."""
    allowed_models: tuple[str, ...] | None = None
    """Names of models that it may ask for; None for every model of its organisation."""

    def state(self, at: datetime) -> KeyState:
        """Whether it works at that moment; if it does not, why."""
        if self.revoked_at is not None and self.revoked_at <= at:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "active"


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A key was made, changed or revoked: whatever was decided for it must be decided anew."""

    key_hash: str
