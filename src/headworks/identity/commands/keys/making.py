"""Keys that are made, or imported by their hash: one, or many at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.keys.own import tell
from headworks.identity.commands.orders import check_import, find_place, read_bearer, read_scopes
from headworks.identity.contracts import KeyView, ManyKeysChanged
from headworks.identity.domain import audited
from headworks.identity.domain.grants import permissions_for, rights
from headworks.identity.domain.keys import check_expiry, generate_key
from headworks.identity.domain.limits import check_endpoints, check_models, check_networks
from headworks.identity.domain.request_signing import sealed_secret, signer_hash
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.identity.commands.orders import KeyOrder, Place
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Sealer, Secret

MOST_AT_ONCE = 1_000
_TOLD_ONE_BY_ONE = 16
"""The engine looks through all that it knows for each key that it is told of."""


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
