"""Budget periods: days, weeks and months between local midnights. They follow each other without gap or overlap."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid
from headworks.kernel.zones import local_date, midnight_us
from headworks.ledger.contracts import Period

if TYPE_CHECKING:
    from headworks.ledger.contracts import Budget, PeriodKind

_DAY: Final = timedelta(days=1)
_LARGEST: Final = {"day": 1, "week": 7, "month": 31, "total": 1}
_TOTAL: Final = Period(0, None)


def checked_anchor(period: PeriodKind, anchor: int | None) -> int:
    """Raises Invalid; None is the first day."""
    if anchor is None:
        return 1
    if not 1 <= anchor <= _LARGEST[period]:
        allowed = {
            "week": "must be 1 (Monday) to 7 (Sunday)",
            "month": "must be a day of the month, 1 to 31; a shorter month begins on its last",
        }
        raise Invalid.field(
            "anchor", "out_of_range", allowed.get(period, f"has no meaning for a {period}; leave it out")
        )
    return anchor


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a budget divides time."""

    kind: PeriodKind
    zone: str
    anchor: int

    def around(self, at_us: int) -> Period:
        """The period that holds a moment in UTC microseconds."""
        if self.kind == "total":
            return _TOTAL
        begin = self._begin_of(local_date(self.zone, at_us))
        following = self._after(begin)
        # A clock that is set back over midnight shows a date again that is over: the beginnings decide, not the date.
        while (end := midnight_us(self.zone, following)) <= at_us:
            begin, following = following, self._after(following)
        return Period(midnight_us(self.zone, begin), end)

    def starting(self, start_us: int) -> Period | None:
        """The period that begins then; None where none does."""
        if self.kind == "total":
            return _TOTAL if start_us == 0 else None
        found = self.around(start_us)
        return found if found.start_us == start_us else None

    def _begin_of(self, day: date) -> date:
        """The first day of the period that holds `day`."""
        if self.kind == "day":
            return day
        if self.kind == "week":
            return day - timedelta(days=(day.isoweekday() - self.anchor) % 7)
        begin = self._anchored(day.year, day.month)
        if begin > day:
            last = day.replace(day=1) - _DAY
            begin = self._anchored(last.year, last.month)
        return begin

    def _after(self, begin: date) -> date:
        """The first day of the period behind the one that begins on `begin`."""
        if self.kind == "day":
            return begin + _DAY
        if self.kind == "week":
            return begin + timedelta(days=7)
        following = begin.replace(day=1) + timedelta(days=31)
        return self._anchored(following.year, following.month)

    def _anchored(self, year: int, month: int) -> date:
        return date(year, month, min(self.anchor, monthrange(year, month)[1]))


def calendar_of(budget: Budget) -> Calendar:
    """The budget's."""
    return Calendar(budget.period, budget.time_zone, budget.anchor)


def counts_in(budget: Budget, period: Period) -> bool:
    """Whether a budget counts in a period at all: not in those that were over before it was made."""
    return period.end_us is None or period.end_us > budget.created_at_us
