"""Months (UTC) by which a store may keep records apart. An event's id alone says which one it is of.

The engine's ids begin with the milliseconds since 1970 and sort by them (`engine/src/meter/request_id.rs`). An id is the same however
often its event is delivered. The time that is stored is not: one that cannot be right is moved to the present (`screening.py`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from headworks.kernel.moments import first_second_of, micros, moment, time_of
from headworks.usage.domain.screening import OLDEST_US

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEGINNING: Final = "req_"
_DIGITS: Final = 12
"""Of the milliseconds, in hexadecimal."""
_FIRST: Final = date(2020, 1, 1)
"""No record is older: an id that says so is of a clock that was never set."""
_LONG: Final = timedelta(days=31)
_LEADING: Final = 5
LEADING: Final = len(_BEGINNING) + _LEADING
"""So many characters of an id tell three days apart."""


def month_of(day: date) -> date:
    """Its first day."""
    return date(day.year, day.month, 1)


def following(month: date) -> date:
    """The next one."""
    return month_of(month + _LONG)


def due(at: datetime) -> list[date]:
    """Months that ids of now may be of: from the oldest whose time is believed up to the next, to be ready before it begins."""
    at = at.astimezone(UTC)
    return _between(moment(micros(at) - OLDEST_US).date(), following(month_of(at.date())))


def first_id(month: date) -> str:
    """No id of the month is less, and each of those before it is."""
    return f"{_BEGINNING}{first_second_of(month) * 1_000:0{_DIGITS}x}"


def sensible(at: datetime) -> tuple[str, str]:
    """From which id on, and below which one, ids are of times that can have been, as of `at`."""
    return first_id(_FIRST), first_id(following(due(at)[-1]))


def months_of(leading: Iterable[str]) -> list[date]:
    """Those that ids with these first LEADING characters may be of; those are of `sensible` ids."""
    found: set[date] = set()
    for one in leading:
        try:
            number = int(one[len(_BEGINNING) :].ljust(_LEADING, "0"), 16)
        except ValueError:
            continue
        bits = 4 * (_DIGITS - _LEADING)
        begins, ends = (time_of((number + more << bits) // 1_000).date() for more in (0, 1))
        found.update(_between(begins, ends))
    return sorted(month for month in found if month >= _FIRST)


def _between(first: date, last: date) -> list[date]:
    """With both ends."""
    months = [month_of(first)]
    while following(months[-1]) <= last:
        months.append(following(months[-1]))
    return months
