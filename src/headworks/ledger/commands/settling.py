"""Settle usage: what it was charged, and what it drew and spent of budgets, in the transaction that stores it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.ledger.commands.alerts import tell_crossings
from headworks.ledger.commands.periods import open_period
from headworks.ledger.domain import settlement
from headworks.ledger.domain.postings import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headworks.ledger.contracts import Budget, Counters, Hold, Place, Use
    from headworks.ledger.domain.postings import Posting
    from headworks.ledger.domain.settlement import Drawer, Spending
    from headworks.ledger.ports import Unit


async def settle(unit: Unit, uses: Sequence[Use], budgets: Sequence[Budget], at_us: int) -> Posting:
    """What is to be entered for `uses`, whose records have just been stored in this transaction.

    The unit is locked, together with others. Which budgets they count for is decided by the budgets that there are, and not by
    what the gateway says; that tells what comes off its holds, and no more than is in them. Raises AmountTooLarge.
    """
    lines = Lines(unit.organization_id)
    settlement.charges(uses, lines)
    spendings = settlement.spendings(uses, budgets)
    draws = settlement.draws(uses)
    if spendings or draws:
        counters, charged = await _counters(unit, spendings, draws, at_us)
        by_id = {spending.budget.id: spending.budget for spending in spendings.values()}
        after = await _draw(unit, counters, draws, lines)
        for place, charge in charged.items():
            lines.spend(place, charge)
            after[place] = replace(after[place], spent=after[place].spent + charge)
        for place, found in sorted(after.items()):
            await _put(unit, by_id.get(place.budget_id), counters[place], found, at_us)
    return lines.posting()


async def _counters(
    unit: Unit, spendings: Mapping[Place, Spending], draws: Mapping[Drawer, int], at_us: int
) -> tuple[dict[Place, Counters], dict[Place, int]]:
    """All that is touched, locked; and what has to be added to what was spent of each."""
    counters = await unit.locked({*spendings, *(place for place, _ in draws)})
    charged: dict[Place, int] = {}
    for place, spending in sorted(spendings.items()):
        is_new = False
        if place not in counters:
            counters[place], is_new = await open_period(unit, spending.budget, spending.period, at_us)
        if not is_new and spending.charge:
            # A period that was opened just now has looked at all stored records, and so at these.
            charged[place] = spending.charge
    return counters, charged


async def _draw(
    unit: Unit, counters: Mapping[Place, Counters], draws: Mapping[Drawer, int], lines: Lines
) -> dict[Place, Counters]:
    """What was drawn comes off the holds; what is not in them any more was taken back before, and is available already."""
    after = dict(counters)
    by_place: defaultdict[Place, dict[str, int]] = defaultdict(dict)
    for (place, source), drawn in draws.items():
        if place in counters:
            by_place[place][source] = drawn
    for place, drawn_by in by_place.items():
        holds: dict[str, Hold] = {hold.source: hold for hold in await unit.holds(place)}
        for source, drawn in drawn_by.items():
            hold = holds.get(source)
            if hold is None:
                continue
            taken = min(drawn, hold.amount)
            lines.hold(place, source, -taken)
            await unit.put_hold(replace(hold, amount=hold.amount - taken))
            after[place] = replace(after[place], held=after[place].held - taken)
    return after


async def _put(unit: Unit, budget: Budget | None, before: Counters, after: Counters, at_us: int) -> None:
    if after == before:
        return
    await unit.put_counters(after)
    if budget is not None:
        await tell_crossings(unit, budget, before, after, at_us)
