"""Prove that the books agree, and say where they do not: transaction by transaction, then budget by budget.

Each stretch is read at a moment of its own, so that nothing has to stand still for a large ledger; what is committed together is
read together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from headworks.ledger.contracts import Period
from headworks.ledger.domain import checking
from headworks.ledger.domain.checking import Fault
from headworks.ledger.domain.keeping import is_whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from headworks.ledger.contracts import Budget, Counters, Place
    from headworks.ledger.ports import Ledger, Reading

_AT_ONCE: Final = 200
_MOST_FAULTS: Final = 100
_LAST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at so far."""

    transactions: int = 0
    entries: int = 0
    records: int = 0
    """That the transactions settled."""
    forgotten: int = 0
    """How many of those are gone by now; they came to what their transactions entered when they went."""
    adjustments: int = 0
    periods: int = 0
    """Of budgets."""
    faults: tuple[Fault, ...] = field(default=())
    """The first hundred."""
    finished: bool = False

    @property
    def agrees(self) -> bool:
        """Whether nothing was found so far."""
        return not self.faults


async def verify(ledger: Ledger, organization_id: str) -> AsyncIterator[Report]:
    """Reports that grow; the last one is finished."""
    report = Report()
    number = 0
    while True:
        async with ledger.reading(organization_id) as reading:
            report, last = await _transactions(reading, report, number)
        yield report
        if last is None:
            break
        number = last
    after: Place | None = None
    while True:
        async with ledger.reading(organization_id) as reading:
            periods = await reading.periods(after, _AT_ONCE)
            budgets = {budget.id: budget for budget in await reading.budgets()}
            faults = [
                fault for one in periods for fault in await _period(reading, one, budgets.get(one.place.budget_id))
            ]
        report = _with(replace(report, periods=report.periods + len(periods)), faults)
        if len(periods) < _AT_ONCE:
            break
        yield report
        after = periods[-1].place
    yield replace(report, finished=True)


async def _transactions(reading: Reading, report: Report, after: int) -> tuple[Report, int | None]:
    """One stretch of them, and the last one's number; None at their end."""
    transactions = await reading.transactions_after(after, _AT_ONCE)
    numbers = [one.number for one in transactions]
    last = numbers[-1] if len(numbers) == _AT_ONCE else None
    usage = [one.number for one in transactions if one.kind == "usage"]
    re_ratings = [one.number for one in transactions if one.kind == "re_rating"]
    entries = await reading.entries_of(numbers)
    forgotten = await reading.forgotten(usage)
    kept = [number for number in usage if number not in forgotten]
    sums = await reading.records.sums(kept)
    adjustments = await reading.adjustments_of(re_ratings)
    of = reading.organization_id
    settled, rated = set(kept), set(re_ratings)
    faults = [
        *checking.unbalanced(entries),
        *checking.against_records(of, (one for one in entries if one.transaction in settled), sums),
        *checking.against_forgotten(entries, forgotten),
        *checking.against_adjustments(of, (one for one in entries if one.transaction in rated), adjustments),
    ]
    # Records that name what is no settlement of theirs, up to the next stretch, or for ever behind the last one.
    strays = await reading.records.strays(after + 1, _LAST if last is None else last, kept)
    if strays:
        faults.append(Fault("stray_records", None, None, strays))
    if last is None and (unsettled := len(await reading.records.unsettled(_AT_ONCE))):
        faults.append(Fault("unsettled_records", None, None, unsettled))
    gone = sum(one.records for one in forgotten.values())
    report = replace(
        report,
        transactions=report.transactions + len(transactions),
        entries=report.entries + len(entries),
        records=report.records + sum(one.sums.records for one in sums) + gone,
        forgotten=report.forgotten + gone,
        adjustments=report.adjustments + len(adjustments),
    )
    return _with(report, faults), last


async def _period(reading: Reading, counters: Counters, budget: Budget | None) -> list[Fault]:
    place = counters.place
    balances = await reading.balances_of(place.budget_id)
    entered = checking.by_place(balances, place)
    faults = []
    difference = sum(
        abs(one - other)
        for one, other in zip(entered, (counters.authorized, counters.held, counters.spent), strict=True)
    )
    if difference:
        faults.append(Fault("counters_differ", None, place, difference))
    by_source = checking.by_source(balances, place)
    held = {hold.source: hold.amount for hold in await reading.holds(place)}
    difference = sum(abs(held.get(name, 0) - by_source.get(name, 0)) for name in held.keys() | by_source.keys())
    if difference:
        faults.append(Fault("holds_differ", None, place, difference))
    period = Period(place.start_us, counters.end_us)
    # Of a period whose records went when it was partly over, in UTC days, the entries alone tell.
    if budget is not None and is_whole(period, await reading.records.kept_from()):
        difference = counters.spent - await reading.charged(budget.scope, budget.scope_id, period)
        if difference:
            faults.append(Fault("spent_differs", None, place, difference))
    return faults


def _with(report: Report, faults: Iterable[Fault]) -> Report:
    return replace(report, faults=(*report.faults, *faults)[:_MOST_FAULTS])
