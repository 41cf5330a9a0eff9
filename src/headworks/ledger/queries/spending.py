"""What usage comes to in a time, of which records may be gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.ledger.contracts import Period

if TYPE_CHECKING:
    from headworks.ledger.contracts import Budget
    from headworks.ledger.ports import Reading

_DAY_US: Final = 86_400_000_000


async def charged(reading: Reading, budget: Budget, period: Period) -> int:
    """What counts for a budget in a period, as far as it is settled (nanodollars).

    Before the moment from which on records are kept, the sums of whole days tell. A period that begins in the middle of one (UTC), before
    that moment, and that nobody has opened until now, counts from the next day on: see `is_whole`.
    """
    kept_from_us = await reading.records.kept_from()
    charge = 0
    if period.start_us < kept_from_us:
        charge += (
            await reading.records.sum_of_days(budget.scope, budget.scope_id, forgotten(period, kept_from_us))
        ).charge
    if period.end_us is None or period.end_us > kept_from_us:
        rest = Period(max(period.start_us, kept_from_us), period.end_us)
        charge += (await reading.records.sum(budget.scope, budget.scope_id, rest)).charge
        charge += (await reading.adjusted(budget.scope, budget.scope_id, rest)).charge
    return charge


def forgotten(period: Period, kept_from_us: int) -> Period:
    """The part that lies before then."""
    end_us = kept_from_us if period.end_us is None else min(period.end_us, kept_from_us)
    return Period(period.start_us, end_us)


def is_whole(period: Period, kept_from_us: int) -> bool:
    """Whether `charged` is exact: what lies before then begins and ends between days (UTC)."""
    if period.start_us >= kept_from_us:
        return True
    part = forgotten(period, kept_from_us)
    return part.start_us % _DAY_US == 0 and part.end_us is not None and part.end_us % _DAY_US == 0
