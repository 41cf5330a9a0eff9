"""Keys as requests and answers write them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from headworks.identity.commands.keys import IssuedKey, KeyOrder
from headworks.identity.contracts import KeyKind, KeyState, KeyView, OwnerKind, Suspension
from headworks.identity.domain.grants import Scope, scopes_of
from headworks.kernel.permissions import Permission
from headworks.kernel.web import ResponseModel, StrictModel, Timestamp, Versioned, Whole

_ENDPOINTS = "Such as `chat/completions`; every one when left out."
_ADDRESSES = "Networks that it may be used from, such as `10.0.0.0/8`; anywhere when left out."


class NewKeyBody(StrictModel):
    """A key to make, or to import."""

    name: str = Field(description="What it is for; shown in lists and usage.", examples=["My notebook"])
    kind: KeyKind = Field("inference", description="`inference` for `/v1`, `management` for `/api/v1`.")
    scopes: list[Scope] | None = Field(None, description="Instead of kind and permissions: what it is for, in a word.")
    permissions: list[Permission] | None = Field(
        None, description="For a management key: what it may do, at most what yours may. All of that when left out."
    )
    project_id: str | None = Field(None, description="Yours, else the organisation's first, when left out.")
    owner: Literal["me", "project"] = Field(
        "me", description="`me`: it works as long as you belong here; `project`: it outlives you."
    )
    service_account_id: str | None = Field(None, description="Make it for this service account.")
    expires_at: Timestamp | None = Field(None, description="When it stops working; never when left out.")
    allowed_models: list[str] | None = Field(None, description="Names of models; every model when left out.")
    allowed_endpoints: list[str] | None = Field(None, description=_ENDPOINTS)
    allowed_addresses: list[str] | None = Field(None, description=_ADDRESSES)
    signing: bool = Field(
        default=False,
        strict=True,
        description="A key that signs requests (RFC 9421, `hmac-sha256`): its id is the `keyid`, and what is shown once is the secret.",
    )
    bearer: bool | None = Field(
        None,
        strict=True,
        description="Whether its secret may be sent itself, as other keys are. When left out: only if it does not sign.",
    )
    sha256: str | None = Field(
        None,
        description="Import the key that has this SHA-256 (hex) instead of making one: it goes on working here.",
        json_schema_extra={"pattern": "^[0-9a-f]{64}$"},
    )

    def order(self) -> KeyOrder:
        """What is wanted."""
        return KeyOrder(**self.model_dump())


class NewKeysBody(StrictModel):
    """Keys to make in one go."""

    keys: list[NewKeyBody] = Field(min_length=1, max_length=1_000, description="All of them are made, or none.")


class KeyChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    expires_at: Timestamp | None = Field(None, description="A new end; null for never.")
    allowed_models: list[str] | None = Field(None, description="Other models; null for every model.")
    allowed_endpoints: list[str] | None = Field(None, description="Other endpoints; null for every one.")
    allowed_addresses: list[str] | None = Field(None, description="Other networks; null for anywhere.")
    bearer: bool | None = Field(
        None, strict=True, description="Of a key that signs: whether its secret may be sent itself from now on."
    )


class RotationBody(StrictModel):
    """How to change over."""

    overlap_seconds: Whole = Field(
        24 * 3600,
        ge=0,
        le=30 * 24 * 3600,
        description="How long the former secret goes on working besides the new one.",
    )


class OwnerOut(ResponseModel):
    """Whose key it is."""

    kind: OwnerKind
    id: str
    name: str


class KeyOut(Versioned):
    """A key, without the key."""

    name: str
    kind: KeyKind
    state: KeyState
    suspension: Suspension | None = Field(description="Why its state is `suspended`: it works again when that is over.")
    scopes: list[Scope]
    permissions: list[Permission]
    organization_id: str
    project_id: str
    owner: OwnerOut | None
    prefix: str
    last4: str
    created_at: Timestamp
    created_by: str
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None
    allowed_models: list[str] | None
    allowed_endpoints: list[str] | None
    allowed_addresses: list[str] | None
    signs: bool = Field(description="Whether requests can be signed with it.")
    bearer: bool = Field(description="Whether its secret may be sent itself, as `Authorization: Bearer …`.")
    previous_until: Timestamp | None = Field(description="After a rotation: when the former secret stops working.")


_COMPUTED = frozenset({"state", "permissions", "scopes", "suspension", "previous_until"})
_COPIED = tuple(name for name in KeyOut.model_fields if name not in _COMPUTED)


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str | None = Field(description="The key itself, shown this once; null for one that was imported.")


def key_out(key: KeyView, at: datetime) -> KeyOut:
    """A key as it is shown at that moment."""
    return KeyOut.model_validate(_shown(key, at))


def new_key_out(issued: IssuedKey, at: datetime) -> NewKeyOut:
    """A key that was just made, with its secret."""
    key = None if issued.key is None else issued.key.reveal()
    return NewKeyOut.model_validate({**_shown(issued.view, at), "key": key})


def _shown(key: KeyView, at: datetime) -> dict[str, object]:
    state = key.state(at)
    overlaps = key.previous_until is not None and key.previous_until > at
    return {
        **{name: getattr(key, name) for name in _COPIED},
        "state": state,
        "suspension": key.suspension if state == "suspended" else None,
        "scopes": scopes_of(key.permissions),
        "permissions": sorted(key.permissions),
        "previous_until": key.previous_until if overlaps else None,
    }
