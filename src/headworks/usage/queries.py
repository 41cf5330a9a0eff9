"""Reports of totals, and single records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from headworks.kernel.errors import Invalid
from headworks.kernel.pagination import CursorPage, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.kernel.pagination import Page, PageRequest
    from headworks.usage.contracts import Dimension, Figures, ReportRow, UsageRecord
    from headworks.usage.ports import KeyNames, RecordFilter, ReportFilter, UsageReading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Report:
    """One page of a report, and what belongs to the whole of it."""

    rows: Page[ReportRow]
    key_names: dict[str, str]
    """By id; a key whose name is not known is missing."""
    totals: Figures
    """Of all that was asked for, on every page."""
    as_of: datetime | None
    """When the newest record was stored: what ended later is not in these figures yet. None before the first."""


def period(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Both days included; without any, the last thirty days. Raises Invalid when they are out of order."""
    until = last or max(today, first or today)
    begin = first or until - timedelta(days=_DEFAULT_DAYS - 1)
    if begin > until:
        raise Invalid.field("query.from", "out_of_order", "must not be later than 'to'")
    return begin, until


async def report(
    usage: UsageReading, names: KeyNames, wanted: ReportFilter, group_by: Sequence[Dimension], page: PageRequest
) -> Report:
    """Figures by group."""
    rows, totals = await usage.report(wanted, group_by, page)
    newest = await usage.newest_received_us()
    key_ids = frozenset(row.key_id for row in rows.items if row.key_id is not None)
    key_names = await names.key_names(wanted.organization_id, key_ids) if key_ids else {}
    return Report(rows, key_names, totals, None if newest is None else _EPOCH + timedelta(microseconds=newest))


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
