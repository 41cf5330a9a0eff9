"""A new secret for a key that stays the same: the former one goes on working until its users have changed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from headworks.identity.commands.keys import IssuedKey, own_key, tell
from headworks.identity.contracts import KeyChanged
from headworks.identity.domain import audited
from headworks.identity.domain.keys import generate_key
from headworks.identity.domain.request_signing import sealed_secret
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import KeyIsRevoked, MoreThanOwnRights
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Sealer

OVERLAP_SECONDS: Final = 24 * 3600
MOST_OVERLAP_SECONDS: Final = 30 * 24 * 3600


async def rotate_key(
    unit: Unit,
    caller: Principal,
    key_id: str,
    overlap_seconds: int,
    at: datetime,
    expected: int | None = None,
    sealer: Sealer | None = None,
) -> IssuedKey:
    """Give a key a new secret. A secret that was overlapping already ends now: two work at a time at most.

    `sealer` is what a key that signs needs.

    Raises Invalid, KeyNotFound, MoreThanOwnRights, KeyIsRevoked, Stale.
    """
    if not 0 <= overlap_seconds <= MOST_OVERLAP_SECONDS:
        raise Invalid.field("overlap_seconds", "out_of_range", f"must be 0 to {MOST_OVERLAP_SECONDS}, which is 30 days")
    key = await own_key(unit, caller, key_id)
    check_version(expected, key.version)
    if key.revoked_at is not None:
        raise KeyIsRevoked("The key was revoked, which is for good. Make a new one.")
    if key.owner is not None and key.owner.kind == "user" and key.owner.id != caller.id:
        raise MoreThanOwnRights("The key belongs to a user, and nobody else may see its new secret. Revoke it instead.")
    made = generate_key(key.kind)
    overlaps = overlap_seconds > 0
    rotated = replace(
        key,
        key_hash=made.key_hash,
        prefix=made.prefix,
        last4=made.last4,
        previous_hash=key.key_hash if overlaps else None,
        previous_until=at + timedelta(seconds=overlap_seconds) if overlaps else None,
        sealed_secret=sealed_secret(key.id, made, sealer) if key.signs else None,
        previous_sealed_secret=key.sealed_secret if overlaps else None,
        version=key.version + 1,
    )
    await unit.keys.replace(rotated)
    tell(unit, key)
    unit.publish(KeyChanged(made.key_hash))
    unit.audit(audited.change("rotated", key, rotated))
    return IssuedKey(rotated, made.key)
