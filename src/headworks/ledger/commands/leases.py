"""Leases: give a gateway some of a budget, take back what it did not draw, and what nobody heard of again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from headworks.dataplane.flow import Lease, Spent
from headworks.kernel.errors import Invalid
from headworks.kernel.money import LARGEST_AMOUNT
from headworks.ledger.commands.periods import allow, open_period
from headworks.ledger.contracts import Hold, Place
from headworks.ledger.domain.periods import calendar_of
from headworks.ledger.domain.postings import Lines
from headworks.ledger.domain.slices import slice_of
from headworks.ledger.errors import BudgetNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from headworks.dataplane.flow import LeaseQuestion
    from headworks.ledger.contracts import Budget, Counters, Period, TransactionKind
    from headworks.ledger.ports import Unit
    from headworks.ledger.settings import LedgerSettings

_SECOND_US: Final = 1_000_000
_MS: Final = 1000
_EARLY_US: Final = 300 * _SECOND_US
"""How far a gateway's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """There is less than is needed."""

    spent: Spent
    lent: int
    """Nanodollars that other gateways hold, for requests that run and for those that may come."""


async def grant(unit: Unit, wanted: LeaseQuestion, settings: LedgerSettings, at_us: int) -> Lease | Lacking:
    """At least what is needed, or nothing. All that the gateway holds of the period is good for a new term either way.

    Raises BudgetNotFound, and Invalid for a question that makes no sense.
    """
    budget = await _found(unit, wanted.budget_id)
    period = _asked(budget, wanted, at_us)
    counters, _ = await open_period(unit, budget, period, at_us)
    # Whoever changes it locks these counters too: from here on it stays what it is.
    budget = await _found(unit, wanted.budget_id)
    holds = {hold.source: hold for hold in await unit.holds(counters.place)}
    nothing = Hold(*counters.place, wanted.life, 0, 0)
    own = replace(holds.pop(wanted.life, nothing), expires_at_us=settings.expiry_us(at_us))
    await unit.put_hold(own)
    amount = 0
    if period.end_us is None or at_us < period.end_us:
        counters = await allow(unit, budget, counters, at_us)
        overdue = {hold: hold.amount for hold in holds.values() if hold.expires_at_us <= at_us}
        if overdue:
            counters = await _shrink(unit, "lease_reclaimed", counters, overdue, at_us)
            holds = {source: hold for source, hold in holds.items() if hold not in overdue}
        amount = slice_of(counters.available, wanted.need, wanted.want, 1 + len(holds))
    if amount:
        counters = await _grow(unit, counters, own, amount, at_us)
    elif wanted.need:
        return Lacking(_spent(budget, counters), sum(hold.amount for hold in holds.values()))
    return Lease(amount, settings.term_seconds * _MS, max(counters.available, 0))


async def give_back(unit: Unit, life: str, place: Place, amount: int, at_us: int) -> int:
    """What a gateway did not draw; how much of it was still in its hold. Raises Invalid."""
    if not 0 <= amount <= LARGEST_AMOUNT:
        raise Invalid.field("amount", "out_of_range", "must be nanodollars, and not negative")
    counters = (await unit.locked([place])).get(place)
    holds = [] if counters is None else [hold for hold in await unit.holds(place) if hold.source == life]
    if counters is None or not holds or not amount:
        return 0
    (hold,) = holds
    returned = min(amount, hold.amount)
    await _shrink(unit, "lease_returned", counters, {hold: returned}, at_us)
    return returned


async def reclaim(unit: Unit, places: Iterable[Place], at_us: int, *, of: Collection[str] | None = None) -> int:
    """Take back what was not heard of until its time was over; with `of`, all that these lives hold. How much it was.

    For a gateway that began anew, when all that it had spooled is settled: nobody can draw from the rest.
    """
    total = 0
    for place, counters in sorted((await unit.locked(list(places))).items()):
        back = {
            hold: hold.amount
            for hold in await unit.holds(place)
            if (hold.expires_at_us <= at_us if of is None else hold.source in of)
        }
        if back:
            await _shrink(unit, "lease_reclaimed", counters, back, at_us)
            total += sum(back.values())
    return total


async def reclaim_all(unit: Unit, budget_id: str, at_us: int) -> None:
    """Of a budget that is removed: what anybody holds of it."""
    for place, counters in sorted((await unit.locked(await unit.places_held(budget_id))).items()):
        back = {hold: hold.amount for hold in await unit.holds(place)}
        await _shrink(unit, "lease_reclaimed", counters, back, at_us)


async def _found(unit: Unit, budget_id: str) -> Budget:
    budget = await unit.budget(budget_id)
    if budget is None:
        raise BudgetNotFound(budget_id)
    return budget


def _asked(budget: Budget, wanted: LeaseQuestion, at_us: int) -> Period:
    if not (0 <= wanted.need <= LARGEST_AMOUNT and 0 <= wanted.want <= LARGEST_AMOUNT):
        raise Invalid.field("need", "out_of_range", "need and want must be nanodollars, and not negative")
    period = calendar_of(budget).starting(wanted.period_start_us)
    if period is None or period.start_us > at_us + _EARLY_US:
        raise Invalid.field("period_start_us", "no_period", "is not when a period of this budget begins")
    return period


def _spent(budget: Budget, counters: Counters) -> Spent:
    return Spent(
        amount=counters.authorized,
        spent=counters.spent,
        held=counters.held,
        resets_at_us=counters.end_us,
        hard=budget.hard,
    )


async def _grow(unit: Unit, counters: Counters, own: Hold, amount: int, at_us: int) -> Counters:
    place = counters.place
    lines = Lines(unit.organization_id)
    lines.hold(place, own.source, amount)
    await unit.enter(await unit.begin("lease_granted", at_us, place.budget_id), lines.posting())
    await unit.put_hold(replace(own, amount=own.amount + amount))
    after = replace(counters, held=counters.held + amount)
    await unit.put_counters(after)
    return after


async def _shrink(unit: Unit, kind: TransactionKind, counters: Counters, back: dict[Hold, int], at_us: int) -> Counters:
    lines = Lines(unit.organization_id)
    for hold, amount in back.items():
        lines.hold(counters.place, hold.source, -amount)
        await unit.put_hold(replace(hold, amount=hold.amount - amount))
    await unit.enter(await unit.begin(kind, at_us, counters.place.budget_id), lines.posting())
    after = replace(counters, held=counters.held - sum(back.values()))
    await unit.put_counters(after)
    return after
