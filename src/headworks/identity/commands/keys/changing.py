"""What can be changed of a key: its name, its end, and what it is held to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from headworks.identity.commands.keys.own import own_key, tell
from headworks.identity.commands.orders import check_bearer
from headworks.identity.domain import audited
from headworks.identity.domain.keys import check_expiry
from headworks.identity.domain.limits import check_endpoints, check_models, check_networks
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import KeyIsRevoked
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change of a key; None leaves it, and a field that is named in `cleared` is cleared."""

    name: str | None = None
    expires_at: datetime | None = None
    allowed_models: Iterable[str] | None = None
    allowed_endpoints: Iterable[str] | None = None
    allowed_addresses: Iterable[str] | None = None
    bearer: bool | None = None
    cleared: frozenset[str] = frozenset()
    """Of `expires_at` and the three lists."""
    expected_version: int | None = None

    def of(self, field: str, wanted: T | None, found: T | None) -> T | None:
        """What a field that can be cleared is to be."""
        if field in self.cleared:
            return None
        return found if wanted is None else wanted


async def change_key(unit: Unit, caller: Principal, key_id: str, change: KeyChange, at: datetime) -> KeyView:
    """Rename a key, move its expiry, or hold it to something else.

    Raises Invalid, KeyNotFound, KeyIsRevoked, MoreThanOwnRights, Stale.
    """
    key = await own_key(unit, caller, key_id)
    check_version(change.expected_version, key.version)
    if key.revoked_at is not None:
        raise KeyIsRevoked("The key was revoked, which is for good. Make a new one.")
    if change.bearer is not None:
        check_bearer(bearer=change.bearer, signs=key.signs)
    changed = replace(
        key,
        name=key.name if change.name is None else checked_name("name", change.name),
        expires_at=change.of("expires_at", check_expiry(change.expires_at, at), key.expires_at),
        allowed_models=change.of("allowed_models", check_models(change.allowed_models), key.allowed_models),
        allowed_endpoints=change.of(
            "allowed_endpoints", check_endpoints(change.allowed_endpoints), key.allowed_endpoints
        ),
        allowed_addresses=change.of(
            "allowed_addresses", check_networks(change.allowed_addresses), key.allowed_addresses
        ),
        bearer=key.bearer if change.bearer is None else change.bearer,
    )
    if changed == key:
        return key
    changed = replace(changed, version=key.version + 1)
    await unit.keys.replace(changed)
    tell(unit, changed)
    unit.audit(audited.change("changed", key, changed))
    return changed
