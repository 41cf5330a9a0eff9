"""A key that somebody wants to do something to, and who hears of what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.contracts import KeyChanged
from headworks.identity.errors import KeyNotFound, MoreThanOwnRights

if TYPE_CHECKING:
    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


async def own_key(unit: Unit, caller: Principal, key_id: str) -> KeyView:
    """A key of the organisation that the caller may change. Raises KeyNotFound, MoreThanOwnRights."""
    key = await unit.keys.get(key_id)
    if key is None:
        raise KeyNotFound(f"There is no key {key_id!r} in your organisation; list them with GET /api/v1/keys.")
    if key.kind == "management" and not key.permissions <= caller.permissions:
        raise MoreThanOwnRights("That key has permissions that you lack, so you cannot change or revoke it.")
    return key


def tell(unit: Unit, key: KeyView) -> None:
    """Whatever was decided for a key is decided anew, by whichever of its secrets it is known."""
    for key_hash in key.hashes:
        unit.publish(KeyChanged(key_hash))
