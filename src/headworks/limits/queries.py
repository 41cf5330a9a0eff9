"""Limits for people, and the rules of an organisation for the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.limits.domain import Rules
from headworks.limits.errors import LimitNotFound

if TYPE_CHECKING:
    from headworks.kernel.scopes import Scope
    from headworks.limits.contracts import Limit, Unit
    from headworks.limits.ports import LimitReader, LimitStore


async def listed(store: LimitReader, scope: Scope | None, scope_id: str | None, unit: Unit | None) -> list[Limit]:
    """Those of a scope, of a thing, of a unit; None takes all."""
    return [
        limit
        for limit in await store.limits()
        if scope in (None, limit.scope) and scope_id in (None, limit.scope_id) and unit in (None, limit.unit)
    ]


async def one(store: LimitReader, limit_id: str) -> Limit:
    """Raises LimitNotFound."""
    found = await store.limit(limit_id)
    if found is None:
        raise LimitNotFound(limit_id)
    return found


async def rules(store: LimitStore, organization_id: str) -> tuple[int, Rules]:
    """The organisation's limits at a revision. Raises what the store raises."""
    async with store.reading(organization_id) as reader:
        # The revision is read first: what changes meanwhile is read again rather than missed.
        revision = await reader.revision()
        return revision, Rules(await reader.limits())
