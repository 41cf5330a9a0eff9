"""Keys as they are kept, and whether they work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts.people import Role, State
    from headworks.identity.contracts.places import ProjectState
    from headworks.kernel.permissions import Permission
    from headworks.kernel.secrets import Secret

KeyKind = Literal["inference", "management"]
KeyState = Literal["active", "suspended", "expired", "revoked"]
OwnerKind = Literal["user", "service_account"]
Suspension = Literal["organization_disabled", "project_archived", "owner_disabled", "owner_left"]
"""Why a key does not work that would otherwise; it works again when the reason goes away."""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key it is. What they may do at most, it may."""

    kind: OwnerKind
    id: str
    name: str = ""
    role: Role | None = None
    """What they are in the key's organisation now; None for a user who is in it no more."""
    state: State = "active"
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """What a key signs requests with, opened."""

    secret: Secret
    until: datetime | None = None
    """When it stops working, where a rotation ends it."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is kept: its hash and how it looks, never the key itself."""

    id: str
    organization_id: str
    project_id: str
    name: str
    kind: KeyKind
    permissions: frozenset[Permission]
    """What it was given; its owner's role may allow less by now."""
    key_hash: str
    """SHA-256 of the whole key, hex."""
    prefix: str
    """`hw_sk_` or `hw_mk_`; empty for a key that was imported by its hash."""
    last4: str
    """Its last four characters, to tell keys apart; empty for an imported one."""
    created_at: datetime
    created_by: str
    """Who made it, or `system`."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute, from usage."""
    allowed_models: tuple[str, ...] | None = None
    """Names of models that it may ask for; None for every model of its organisation."""
    allowed_endpoints: tuple[str, ...] | None = None
    """Inference endpoints as `dataplane.flow.ENDPOINTS` names them; None for all."""
    allowed_addresses: tuple[str, ...] | None = None
    """Networks (CIDR) that it may be used from; None for anywhere."""
    previous_hash: str | None = None
    """SHA-256 of the secret before its last rotation, as long as that may still be of use."""
    previous_until: datetime | None = None
    """When that former secret stops working."""
    bearer: bool = True
    """Whether its secret may be sent itself; a key that signs need not take that."""
    signer_hash: str | None = None
    """What it is known by where a request is signed with it; None for a key that does not sign."""
    sealed_secret: str | None = field(default=None, repr=False)
    """Of a key that signs, its secret, which the keyring seals: a signature can be compared with nothing less."""
    previous_sealed_secret: str | None = field(default=None, repr=False)
    """As `previous_hash`, of a key that signs."""
    owner: KeyOwner | None = None
    """None for a key that belongs to its project as a whole."""
    organization_state: State = "active"
    project_state: ProjectState = "active"
    version: int = 1

    @property
    def suspension(self) -> Suspension | None:
        """What keeps it from working for now, besides its own end."""
        if self.organization_state != "active":
            return "organization_disabled"
        if self.project_state != "active":
            return "project_archived"
        if self.owner is None:
            return None
        if self.owner.state != "active":
            return "owner_disabled"
        return None if self.owner.role is not None or self.owner.is_operator else "owner_left"

    @property
    def hashes(self) -> tuple[str, ...]:
        """Every hash that it may be known by."""
        known = (self.key_hash, self.previous_hash, self.signer_hash)
        return tuple(key_hash for key_hash in known if key_hash is not None)

    @property
    def signs(self) -> bool:
        """Whether requests can be signed with it."""
        return self.signer_hash is not None

    def state(self, at: datetime) -> KeyState:
        """Whether it works at that moment; if it does not, why."""
        if self.revoked_at is not None and self.revoked_at <= at:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "active" if self.suspension is None else "suspended"

    def as_known_by(self, key_hash: str) -> KeyView:
        """The key as who holds this secret has it: a former secret ends with the overlap of its rotation."""
        if key_hash != self.previous_hash or self.previous_until is None:
            return self
        ends = self.previous_until if self.expires_at is None else min(self.previous_until, self.expires_at)
        return replace(self, expires_at=ends)
