"""Counters are a cache of the entries: they can be dropped at any time, and come back the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from headworks.kernel.fail_point import midway
from headworks.ledger.contracts import Hold
from headworks.ledger.domain import audited
from headworks.ledger.domain.checking import by_place, by_source

if TYPE_CHECKING:
    from headworks.ledger.contracts import Counters
    from headworks.ledger.ports import Unit

_AT_ONCE: Final = 200


async def rebuild(unit: Unit, expires_at_us: int, at_us: int) -> int:
    """Put what the entries say in the place of every counter and hold; how many were different.

    A hold that was lost lasts until `expires_at_us`. Periods themselves are no counters: when they end is not in the entries.
    """
    await unit.lock(alone=True)
    different = 0
    after = None
    while periods := await unit.periods(after, _AT_ONCE):
        for found in periods:
            different += await _rebuild(unit, found, expires_at_us)
            midway()
        after = periods[-1].place
    unit.audit(audited.rebuilt(unit.organization_id, different, at_us))
    return different


async def _rebuild(unit: Unit, found: Counters, expires_at_us: int) -> int:
    found = (await unit.locked([found.place]))[found.place]
    balances = await unit.balances_of(found.place.budget_id)
    authorized, held, spent = by_place(balances, found.place)
    right = replace(found, authorized=authorized, held=held, spent=spent)
    different = int(right != found)
    if different:
        await unit.put_counters(right)
    holds = {hold.source: hold for hold in await unit.holds(found.place)}
    by_sources = by_source(balances, found.place)
    for source in holds.keys() | by_sources.keys():
        amount = by_sources.get(source, 0)
        known = holds.get(source) or Hold(*found.place, source, 0, expires_at_us)
        if known.amount != amount:
            different += 1
            await unit.put_hold(replace(known, amount=amount))
    return different
