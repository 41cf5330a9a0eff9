"""Open a budget's period, and keep what it authorises as it should be. Both are safe to repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.ledger.commands.alerts import tell_crossings
from headworks.ledger.contracts import Counters, Period, Place
from headworks.ledger.domain import allowances
from headworks.ledger.domain.postings import Lines

if TYPE_CHECKING:
    from headworks.ledger.contracts import Budget
    from headworks.ledger.ports import Unit


async def open_period(unit: Unit, budget: Budget, period: Period, at_us: int) -> tuple[Counters, bool]:
    """The period's counters, locked, and whether they were made here and now.

    A new one knows the past: it begins with what the stored records of its time come to, those of this transaction among them.
    """
    place = Place(budget.id, period.start_us)
    found = (await unit.locked([place])).get(place)
    if found is not None:
        return found, False
    empty = Counters(place, period.end_us, authorized=0, held=0, spent=0)
    if not await unit.open_period(empty):
        return (await unit.locked([place]))[place], False
    spent = await unit.charged(budget.scope, budget.scope_id, period)
    authorized = allowances.authorized(budget, await unit.raises(), period, at_us)
    counters = replace(empty, authorized=authorized, spent=spent)
    lines = Lines(unit.organization_id)
    lines.authorize(place, counters.authorized)
    lines.spend(place, counters.spent)
    await unit.enter(await unit.begin("period_opened", at_us, budget.id), lines.posting())
    await unit.put_counters(counters)
    await tell_crossings(unit, budget, None, counters, at_us)
    return counters, True


async def allow(unit: Unit, budget: Budget, counters: Counters, at_us: int) -> Counters:
    """Post what amount and raises make of the authorisation now, where that is another than it was. Counters are locked."""
    raises = await unit.raises()
    period = period_of(counters)
    difference = allowances.authorized(budget, raises, period, at_us) - counters.authorized
    if not difference:
        return counters
    lines = Lines(unit.organization_id)
    lines.authorize(counters.place, difference)
    await unit.enter(await unit.begin("allowance_changed", at_us, budget.id), lines.posting())
    after = replace(counters, authorized=counters.authorized + difference)
    await unit.put_counters(after)
    await tell_crossings(unit, budget, counters, after, at_us)
    return after


def period_of(counters: Counters) -> Period:
    """The period that they count."""
    return Period(counters.place.start_us, counters.end_us)
