"""Reports of roll-ups, forecasts, and single records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.kernel.moments import micros, moment, second_of
from headworks.kernel.pagination import CursorPage, PageRequest, decode_cursor, encode_cursor
from headworks.usage.contracts import Figures
from headworks.usage.domain.forecasting import WINDOW_SECONDS, forecast, period_of
from headworks.usage.domain.keeping import check_kept
from headworks.usage.domain.rollups import SECONDS
from headworks.usage.domain.spans import midnight_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from headworks.kernel.pagination import Page
    from headworks.usage.contracts import ReportRow, UsageRecord
    from headworks.usage.domain.forecasting import Period
    from headworks.usage.ports import Names, RecordFilter, Rejection, ReportFilter, UsageReading, UsageStore

_AT_ONCE = 1_000
_NAMED = ("organization", "project", "key", "user", "provider")


@dataclass(frozen=True, slots=True)
class Report:
    """One page of a report, and what belongs to the whole of it."""

    rows: Page[ReportRow]
    names: dict[str, dict[str, str]]
    """By dimension and id; what has no name that is known is missing."""
    totals: ReportRow
    """Of all that was asked for, on every page."""
    as_of: datetime | None
    """When the newest record was stored: what ended later is not in these figures yet. None before the first."""
    days_being_made: int
    """How many days' roll-ups are being made anew; they may lack something until then."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a period will come to."""

    from_s: int
    until_s: int
    window_from_s: int
    window_until_s: int
    """The time whose mean was taken."""
    so_far: Figures
    expected: Figures


async def report(
    usage: UsageReading, names: Names, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
) -> Report:
    """Figures by group."""
    rows, totals = await usage.report(wanted, group_by, page)
    newest = await usage.newest_received_us()
    pending = await usage.pending_days()
    return Report(
        rows,
        await names_of(names, wanted.organization_id, group_by, rows.items),
        totals,
        None if newest is None else moment(newest),
        sum(wanted.from_s - SECONDS["day"] < day_s < wanted.until_s for day_s in pending),
    )


async def names_of(
    names: Names, organization_id: str | None, group_by: Sequence[str], rows: Sequence[ReportRow]
) -> dict[str, dict[str, str]]:
    """Of one organisation's things; of all organisations only their own."""
    found = {}
    for place, dimension in enumerate(group_by):
        if dimension in _NAMED and (organization_id is not None or dimension == "organization"):
            ids = frozenset(str(row.values[place]) for row in rows if row.values[place])
            found[dimension] = await names.names(organization_id, dimension, ids) if ids else {}
    return found


async def every_row(
    usage: UsageReading, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
) -> AsyncIterator[Page[ReportRow]]:
    """All pages of a report, from the given one's order."""
    number = 1
    while True:
        rows, _ = await usage.report(wanted, group_by, replace(page, page=number, per_page=_AT_ONCE))
        yield rows
        if number >= rows.total_pages:
            return
        number += 1


async def expected(
    usage: UsageReading, wanted: ReportFilter, zone: ZoneInfo, period: Period, now: datetime
) -> Forecast:
    """Of the running period. `wanted` says of what; its time is not looked at."""
    first, after = period_of(now.astimezone(zone).date(), period)
    from_s, until_s = midnight_s(zone, first), midnight_s(zone, after)
    now_s = second_of(now)
    window_until_s = now_s - now_s % SECONDS["hour"]
    window_from_s = window_until_s - WINDOW_SECONDS
    fine = replace(wanted, grain="hour", previous_from_s=None)
    # Those of a zone that is half an hour off begin within an hour.
    so_far = await _whole(usage, replace(fine, from_s=from_s, until_s=until_s))
    in_window = replace(fine, from_s=window_from_s, until_s=window_until_s)
    hours, _ = await usage.report(in_window, ("hour",), PageRequest(1, WINDOW_SECONDS // SECONDS["hour"]))
    first_use = min((int(row.values[0] or 0) for row in hours.items), default=window_until_s)
    window_from_s = max(window_from_s, first_use)
    pace = await _whole(usage, replace(in_window, from_s=window_from_s))
    seconds, left = window_until_s - window_from_s, max(0, until_s - now_s)
    figures = Figures(
        **{name: forecast(getattr(so_far, name), getattr(pace, name), seconds, left) for name in Figures.__slots__}
    )
    return Forecast(from_s, until_s, window_from_s, window_until_s, so_far, figures)


async def records(
    usage: UsageReading, wanted: RecordFilter, cursor: str | None, per_page: int
) -> CursorPage[UsageRecord]:
    """The newest first. Raises Invalid on a cursor that is not ours."""
    after: tuple[int, int] | None = None
    if cursor is not None:
        occurred_at_us, sequence = decode_cursor(cursor, int, int)
        after = int(occurred_at_us), int(sequence)
    found = await usage.records(wanted, after, per_page + 1)
    shown = found[:per_page]
    more = len(found) > per_page
    last = shown[-1] if more else None
    return CursorPage(shown, encode_cursor(last.event.occurred_at_us, last.sequence) if last else None)


async def rejections(usage: UsageReading, cursor: str | None, per_page: int) -> CursorPage[Rejection]:
    """What was put aside, the newest first. Raises Invalid on a cursor that is not ours."""
    after: tuple[int, str] | None = None
    if cursor is not None:
        at_us, digest = decode_cursor(cursor, int, str)
        after = int(at_us), str(digest)
    found = await usage.rejections(after, per_page + 1)
    shown = found[:per_page]
    last = shown[-1] if len(found) > per_page else None
    return CursorPage(shown, encode_cursor(micros(last.rejected_at), last.digest) if last else None)


async def must_be_kept(usage: UsageReading, wanted: RecordFilter) -> None:
    """Raises Invalid when it begins at a time whose records are not kept."""
    if wanted.from_us is not None:
        check_kept("query.from", wanted.from_us, await usage.kept_from())


async def every_record(usage: UsageStore, wanted: RecordFilter) -> AsyncIterator[list[UsageRecord]]:
    """All of them, the newest first, some at a time, each in a moment of its own."""
    after: tuple[int, int] | None = None
    while True:
        async with usage.read(wanted.organization_id) as reading:
            found = await reading.records(wanted, after, _AT_ONCE)
        if not found:
            return
        yield found
        after = found[-1].event.occurred_at_us, found[-1].sequence


async def _whole(usage: UsageReading, wanted: ReportFilter) -> Figures:
    _, whole = await usage.report(wanted, (), PageRequest(1, 1))
    return whole.figures
