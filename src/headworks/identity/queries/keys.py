"""Who holds a key, and which keys there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.domain.grants import effective
from headworks.identity.domain.keys import check_token
from headworks.identity.domain.limits import is_within
from headworks.identity.errors import AddressNotAllowed, InvalidKey, KeyNotFound, SignatureMissing, WrongKindOfKey
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import KeyView, Suspension
    from headworks.identity.ports import Proofs, Reading

_SUSPENDED: dict[Suspension, str] = {
    "organization_disabled": "its organisation is disabled",
    "project_archived": "its project is archived",
    "owner_disabled": "its owner is disabled",
    "owner_left": "its owner left the organisation",
}


async def authenticate(proofs: Proofs, token: str, source: str | None, at: datetime) -> Principal:
    """Who holds this management key. `source` is the caller's address, None where it is not known.

    Raises InvalidKey, SignatureMissing, WrongKindOfKey for an inference key, or AddressNotAllowed.
    """
    key = await proofs.key_by_hash(check_token(token))
    if key is None:
        raise InvalidKey("The key is not known here. Look for the right one in credentials.json of the data folder.")
    holder = _holder(key, source, at)
    if not key.bearer:
        raise SignatureMissing(
            f"The key {_shown(key)} signs requests and is not sent itself, as it was now. If others may have seen it, rotate it."
        )
    return holder


async def authenticate_signer(proofs: Proofs, signer: str, source: str | None, at: datetime) -> Principal:
    """Who signed a request; `signer` is the `signer_hash` of a key whose signature was verified.

    Raises as `authenticate` does.
    """
    key = await proofs.key_by_hash(signer)
    if key is None or key.signer_hash != signer:
        raise InvalidKey("The key that signed is not known here any more.")
    return _holder(key, source, at)


def _holder(key: KeyView, source: str | None, at: datetime) -> Principal:
    """Whoever proved to have this key, if it works, here and now."""
    state = key.state(at)
    if key.suspension is not None and state == "suspended":
        raise InvalidKey(f"The key {_shown(key)} does not work for now: {_SUSPENDED[key.suspension]}.")
    if state != "active":
        when = key.revoked_at if state == "revoked" else key.expires_at
        raise InvalidKey(f"The key {_shown(key)} is {state} since {when:%Y-%m-%d %H:%M} UTC. Use another one.")
    if key.allowed_addresses is not None and not is_within(source, key.allowed_addresses):
        raise AddressNotAllowed(f"The key {_shown(key)} is held to networks, and {source or 'you'} is in none of them.")
    if key.kind != "management":
        raise WrongKindOfKey(
            "This is an inference key, for /v1. The management API takes a management key (hw_mk_…): see credentials.json of "
            "the data folder."
        )
    return _principal(key)


async def show_key(reading: Reading, key_id: str) -> KeyView:
    """Raises KeyNotFound."""
    key = await reading.keys.get(key_id)
    if key is None:
        raise KeyNotFound(f"There is no key {key_id!r} in your organisation; list them with GET /api/v1/keys.")
    return key


def _principal(key: KeyView) -> Principal:
    """Somebody's key acts as its owner, within what the key was given."""
    may = effective(key)
    if key.owner is None:
        return Principal(key.id, "key", key.organization_id, key.project_id, may, key_id=key.id)
    return Principal(key.owner.id, key.owner.kind, key.organization_id, key.project_id, may, key_id=key.id)


def _shown(key: KeyView) -> str:
    return f"{key.prefix}…{key.last4}" if key.last4 else key.id
