"""What usage comes to in a time, of which records may be gone: the same for every adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.ledger.domain import keeping

if TYPE_CHECKING:
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Period
    from headworks.ledger.ports import Reading


async def charged(reading: Reading, scope: Scope, scope_id: str, period: Period) -> int:
    """See the port."""
    kept_from_us = await reading.records.kept_from()
    days, rest = keeping.before(period, kept_from_us), keeping.since(period, kept_from_us)
    charge = 0
    if days is not None:
        charge += (await reading.records.sum_of_days(scope, scope_id, days)).charge
    if rest is not None:
        charge += (await reading.records.sum(scope, scope_id, rest)).charge
        charge += (await reading.adjusted(scope, scope_id, rest)).charge
    return charge
