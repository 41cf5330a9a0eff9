"""When a day begins in a time zone: the first instant at which its clocks show that date.

Where clocks jump over midnight, that is the jump itself; where they jump over a whole day (Samoa in 2011), the day is empty. Where
midnight comes twice, it is the first one. So the beginnings of days never run backwards, whatever a zone has done.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from headworks.kernel.moments import micros, moment
from headworks.kernel.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

_SECOND: Final = timedelta(seconds=1)


class UnknownZone(ValueError):
    """No zone of the IANA database has that name; `near` are those that look like it."""

    def __init__(self, near: Iterable[str]) -> None:
        super().__init__()
        self.near = tuple(near)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def checked_zone(name: str) -> str:
    """Raises UnknownZone. Names are taken exactly: a file's path or another case is no zone."""
    if name not in _zone_names():
        raise UnknownZone(nearest(name, _zone_names()))
    return name


@lru_cache(maxsize=4096)
def midnight_us(zone: str, day: date) -> int:
    """The beginning of `day` there, in UTC microseconds."""
    return micros(_first_instant(ZoneInfo(zone), datetime.combine(day, time())))


def local_date(zone: str, at_us: int) -> date:
    """The date that clocks show there at a moment in UTC microseconds."""
    return moment(at_us).astimezone(ZoneInfo(zone)).date()


def _first_instant(zone: tzinfo, wall: datetime) -> datetime:
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # No clock shows it: the jump lies between the two instants that its offset before and its offset after would give.
    # Zones change at whole seconds.
    late = found
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late
