"""Which time a report is of, and which roll-ups give it: the coarsest that begin where it begins and end where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from headworks.kernel.errors import Invalid
from headworks.kernel.moments import moment, second_of, whole_seconds
from headworks.kernel.zones import UnknownZone, checked_zone, midnight_us
from headworks.usage.domain.dimensions import TIMES
from headworks.usage.domain.rollups import GRAINS, SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.usage.domain.rollups import Grain
    from headworks.usage.settings import UsageSettings

_DEFAULT_DAYS: Final = 30
_MOST_DAYS: Final = 36_600
_DAY: Final = timedelta(days=1)
_EPOCH: Final = date(1970, 1, 1)
_LAST: Final = date(9_000, 1, 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds since 1970; the end is not included."""

    from_s: int
    until_s: int
    previous_from_s: int
    """Where the period of the same length before it begins."""
    grain: Grain
    offsets: tuple[tuple[int, int], ...]
    """See `ports.ReportFilter`."""
    first_day: date
    last_day: date
    """Included."""


def zone_of(name: str) -> ZoneInfo:
    """Raises Invalid."""
    try:
        return ZoneInfo(checked_zone(name))
    except UnknownZone as unknown:
        hint = f"; did you mean {', '.join(unknown.near)}?" if unknown.near else ""
        raise Invalid.field("query.time_zone", "unknown", f"is no time zone, such as Europe/Berlin{hint}") from None


def span(
    begin: date | datetime | None, end: date | datetime | None, zone: ZoneInfo, group_by: Sequence[str], now: datetime
) -> Span:
    """Days are those of `zone`, both included; of times the end is not included. Without any: the last thirty days.

    Raises Invalid.
    """
    if isinstance(begin, datetime) != isinstance(end, datetime) and None not in (begin, end):
        raise Invalid.field("query.to", "mixed", "must be a day if 'from' is one, and a time if 'from' is a time")
    if isinstance(begin, datetime) or isinstance(end, datetime):
        from_s, until_s, first, last = _of_times(begin, end, zone, now)
        previous_s = 2 * from_s - until_s
    else:
        first, last = _of_days(begin, end, now.astimezone(zone).date())
        from_s, until_s = midnight_s(zone, first), midnight_s(zone, last + _DAY)
        previous_s = midnight_s(zone, first - (last - first) - _DAY)
    if from_s < 0:
        raise Invalid.field("query.from", "out_of_range", "must not be before 1970")
    offsets = _offsets(zone, previous_s, until_s)
    grain = _grain((previous_s, from_s, until_s, *(ahead for _, ahead in offsets)), group_by)
    return Span(from_s, until_s, previous_s, grain, offsets, first, last)


def check_kept(wanted: Span, settings: UsageSettings, now_s: int, *, compares: bool) -> None:
    """Raises Invalid where figures that fine were kept, and are no longer."""
    first_s = wanted.previous_from_s if compares else wanted.from_s
    if not settings.keeps(wanted.grain, first_s, now_s):
        hours = settings.kept[wanted.grain] // SECONDS["hour"]
        raise Invalid.field(
            "query.from",
            "not_kept",
            f"asks for figures by the {wanted.grain}, which are kept for {hours} hours: ask for later ones, or for whole "
            "days in UTC",
        )


def midnight_s(zone: ZoneInfo, day: date) -> int:
    """When clocks there first show that day."""
    return second_of(moment(midnight_us(zone.key, day)))


def _of_days(begin: date | None, end: date | None, today: date) -> tuple[date, date]:
    last = end or max(today, begin or today)
    if not _EPOCH <= last < _LAST or (begin is not None and not _EPOCH <= begin < _LAST):
        raise Invalid.field("query.from" if begin else "query.to", "out_of_range", "must be from 1970 to 8999")
    first = begin or max(_EPOCH, last - timedelta(days=_DEFAULT_DAYS - 1))
    if first > last:
        raise Invalid.field("query.from", "out_of_order", "must not be later than 'to'")
    if (last - first).days > _MOST_DAYS:
        raise Invalid.field("query.from", "too_long", f"must not be more than {_MOST_DAYS} days before 'to'")
    return first, last


def _of_times(
    begin: date | datetime | None, end: date | datetime | None, zone: ZoneInfo, now: datetime
) -> tuple[int, int, date, date]:
    until = end if isinstance(end, datetime) else _next_minute(now)
    start = begin if isinstance(begin, datetime) else until - timedelta(days=1)
    for name, at in (("from", start), ("to", until)):
        if at.second or at.microsecond:
            raise Invalid.field(f"query.{name}", "not_whole", "must be a whole minute")
        if not _EPOCH < at.date() < _LAST:
            raise Invalid.field(f"query.{name}", "out_of_range", "must be from 1970 to 8999")
    if start >= until:
        raise Invalid.field("query.from", "out_of_order", "must be earlier than 'to'")
    if (until - start).days > _MOST_DAYS:
        raise Invalid.field("query.from", "too_long", f"must not be more than {_MOST_DAYS} days before 'to'")
    last = (until - timedelta(minutes=1)).astimezone(zone).date()
    return second_of(start), second_of(until), start.astimezone(zone).date(), last


def _next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _grain(places: Sequence[int], group_by: Sequence[str]) -> Grain:
    finest = [name for name in TIMES if name in group_by]
    for grain in reversed(GRAINS):
        fine_enough = not finest or SECONDS[grain] <= SECONDS[finest[0]]
        if fine_enough and all(place % SECONDS[grain] == 0 for place in places):
            return grain
    return "minute"


def _offsets(zone: ZoneInfo, from_s: int, until_s: int) -> tuple[tuple[int, int], ...]:
    """How far clocks are ahead of UTC, at first and at each change."""
    found = [(from_s, _ahead(zone, from_s))]
    if zone.key == "UTC":
        return tuple(found)
    at_s = from_s
    while at_s < until_s:
        next_s = min(at_s + SECONDS["day"], until_s)
        after = _ahead(zone, next_s)
        if after != found[-1][1]:
            low, high = at_s, next_s
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _ahead(zone, middle) == found[-1][1] else (low, middle)
            found.append((high, after))
        at_s = next_s
    return tuple(found)


def _ahead(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else whole_seconds(offset)
