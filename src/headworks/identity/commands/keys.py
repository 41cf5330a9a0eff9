"""The life of a key: made or imported, changed, revoked. `rotation` gives one a new secret, `orders` reads what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from headworks.identity.commands.orders import (
    KeyOrder,
    check_bearer,
    check_import,
    find_place,
    read_bearer,
    read_scopes,
)
from headworks.identity.contracts import KeyChanged, KeyView, ManyKeysChanged
from headworks.identity.domain import audited
from headworks.identity.domain.grants import permissions_for, rights
from headworks.identity.domain.keys import check_expiry, generate_key
from headworks.identity.domain.limits import check_endpoints, check_models, check_networks
from headworks.identity.domain.request_signing import sealed_secret, signer_hash
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import KeyIsRevoked, KeyNotFound, LastManagementKey, MoreThanOwnRights
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from headworks.identity.commands.orders import Place
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Sealer, Secret

T = TypeVar("T")

__all__ = ["IssuedKey", "KeyChange", "KeyOrder", "change_key", "create_key", "create_keys", "own_key", "revoke_key"]

MOST_AT_ONCE = 1_000
_TOLD_ONE_BY_ONE = 16
"""The engine looks through all that it knows for each key that it is told of."""


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


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was made or imported. `key` is None for an imported one: we never had it."""

    view: KeyView
    key: Secret | None


async def create_key(
    unit: Unit, creator: Principal, order: KeyOrder, at: datetime, sealer: Sealer | None = None
) -> IssuedKey:
    """Make a key, or import one by its hash. `sealer` is what one that signs needs.

    Raises Invalid, ProjectNotFound, UnknownServiceAccount, NotActive, KeyExists, or MoreThanOwnRights when it could do
    more than its creator.
    """
    issued = _prepare(await find_place(unit, creator, order), creator, order, at, sealer)
    await _keep(unit, [issued])
    return issued


async def create_keys(
    unit: Unit, creator: Principal, orders: Sequence[KeyOrder], at: datetime, sealer: Sealer | None = None
) -> list[IssuedKey]:
    """All of them or none. Raises what `create_key` raises, with the number of the order in each field's path."""
    if not 1 <= len(orders) <= MOST_AT_ONCE:
        raise Invalid.field("keys", "wrong_number", f"must be 1 to {MOST_AT_ONCE} keys; {len(orders)} were sent")
    issued = []
    # Most of them are for the same place, and looking it up a thousand times would keep other writers waiting.
    places: dict[object, Place] = {}
    for number, order in enumerate(orders):
        wanted = (order.project_id, order.service_account_id, order.owner)
        try:
            if wanted not in places:
                places[wanted] = await find_place(unit, creator, order)
            issued.append(_prepare(places[wanted], creator, order, at, sealer))
        except Invalid as error:
            raise error.within(f"keys.{number}") from error
    await _keep(unit, issued)
    return issued


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


def _prepare(place: Place, creator: Principal, order: KeyOrder, at: datetime, sealer: Sealer | None) -> IssuedKey:
    order = read_scopes(order, rights(creator, place.owner))
    permissions = permissions_for(order.kind, order.permissions, creator, place.owner)
    imported = check_import(order, creator)
    made = None if imported else generate_key(order.kind)
    view = KeyView(
        id=new_id("key"),
        organization_id=place.project.organization_id,
        project_id=place.project.id,
        name=checked_name("name", order.name),
        kind=order.kind,
        permissions=permissions,
        key_hash=made.key_hash if made else imported,
        prefix=made.prefix if made else "",
        last4=made.last4 if made else "",
        created_at=at,
        created_by=creator.id,
        expires_at=check_expiry(order.expires_at, at),
        allowed_models=check_models(order.allowed_models),
        allowed_endpoints=check_endpoints(order.allowed_endpoints),
        allowed_addresses=check_networks(order.allowed_addresses),
        owner=place.owner,
        bearer=read_bearer(order),
    )
    if order.signing and made is not None:
        view = replace(view, signer_hash=signer_hash(view.id), sealed_secret=sealed_secret(view.id, made, sealer))
    return IssuedKey(view, made.key if made else None)


async def _keep(unit: Unit, issued: Sequence[IssuedKey]) -> None:
    await unit.keys.add([one.view for one in issued])
    for one in issued:
        unit.audit(audited.change("created", None, one.view))
    # The engine may hold a refusal for one, if somebody tried it before it was known.
    if len(issued) > _TOLD_ONE_BY_ONE:
        unit.publish(ManyKeysChanged(unit.organization_id))
        return
    for one in issued:
        tell(unit, one.view)


async def _keep_a_way_in(unit: Unit, key: KeyView, at: datetime) -> None:
    others = [other for other in await unit.keys.managers(at) if other.id != key.id]
    if "keys:write" in key.permissions and not any("keys:write" in other.permissions for other in others):
        raise LastManagementKey(
            "It is the last key that can make keys: revoking it would lock everybody out. Make another management key first."
        )
