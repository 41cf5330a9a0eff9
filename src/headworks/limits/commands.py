"""Make, change and remove limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.kernel.ids import new_id
from headworks.kernel.scopes import UnknownScope
from headworks.kernel.versions import check_version
from headworks.limits import domain
from headworks.limits.contracts import Limit
from headworks.limits.errors import LimitNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.kernel.scopes import Scope
    from headworks.limits.contracts import Unit, Window
    from headworks.limits.ports import LimitWriter, Scopes


@dataclass(frozen=True, slots=True)
class NewLimit:
    """A limit as somebody wrote it down."""

    scope: Scope
    scope_id: str
    unit: Unit
    window: Window | None
    amount: int


async def create(store: LimitWriter, scopes: Scopes, wish: NewLimit, at: datetime) -> Limit:
    """Raises Invalid, UnknownScope, LimitExists, Unavailable."""
    limit = Limit(
        id=new_id("lim"),
        organization_id=store.organization_id,
        scope=wish.scope,
        scope_id=wish.scope_id,
        unit=wish.unit,
        window=domain.check_window(wish.unit, wish.window),
        amount=domain.check_amount(wish.unit, wish.amount),
        created_at=at,
        updated_at=at,
    )
    if not await scopes.has(store.organization_id, limit.scope, limit.scope_id):
        raise UnknownScope(limit.scope, limit.scope_id)
    await store.add(limit)
    store.audit(domain.audited("created", None, limit))
    return limit


async def change(store: LimitWriter, limit_id: str, amount: int, at: datetime, expected: int | None = None) -> Limit:
    """Another amount. Raises LimitNotFound, Stale, Invalid."""
    limit = await _found(store, limit_id, expected)
    changed = replace(limit, amount=domain.check_amount(limit.unit, amount))
    if changed == limit:
        return limit
    changed = replace(changed, updated_at=at, version=limit.version + 1)
    await store.replace(changed)
    store.audit(domain.audited("changed", limit, changed))
    return changed


async def remove(store: LimitWriter, limit_id: str, expected: int | None = None) -> None:
    """Raises LimitNotFound, Stale."""
    limit = await _found(store, limit_id, expected)
    await store.remove(limit_id)
    store.audit(domain.audited("removed", limit, None))


async def _found(store: LimitWriter, limit_id: str, expected: int | None) -> Limit:
    limit = await store.limit(limit_id)
    if limit is None:
        raise LimitNotFound(limit_id)
    check_version(expected, limit.version)
    return limit
