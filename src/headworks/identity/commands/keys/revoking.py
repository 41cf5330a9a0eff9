"""The end of a key, unless it is the last one that can make others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.identity.commands.keys.own import own_key, tell
from headworks.identity.domain import audited
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import LastManagementKey

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


async def revoke_key(unit: Unit, caller: Principal, key_id: str, at: datetime, expected: int | None = None) -> None:
    """Make a key useless for good; doing it twice changes nothing.

    Raises KeyNotFound, MoreThanOwnRights, LastManagementKey, Stale.
    """
    key = await own_key(unit, caller, key_id)
    check_version(expected, key.version)
    if key.revoked_at is not None:
        return
    if key.kind == "management":
        await _keep_a_way_in(unit, key, at)
    revoked = replace(key, revoked_at=at, version=key.version + 1)
    await unit.keys.replace(revoked)
    tell(unit, revoked)
    unit.audit(audited.change("revoked", key, revoked))


async def _keep_a_way_in(unit: Unit, key: KeyView, at: datetime) -> None:
    others = [other for other in await unit.keys.managers(at) if other.id != key.id]
    if "keys:write" in key.permissions and not any("keys:write" in other.permissions for other in others):
        raise LastManagementKey(
            "It is the last key that can make keys: revoking it would lock everybody out. Make another management key first."
        )
