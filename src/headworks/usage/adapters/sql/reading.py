"""Reading usage: reports from the totals, single records from the events."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import BigInteger, Integer, func, literal_column, select, tuple_

from headworks.dataplane.events import UsageEvent
from headworks.kernel.pagination import Page
from headworks.usage.adapters.tables import events, rejected, sources, subjects, totals
from headworks.usage.contracts import Figures, ReportRow, UsageRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.pagination import PageRequest
    from headworks.usage.contracts import Dimension
    from headworks.usage.ports import RecordFilter, ReportFilter

_AnyRow: TypeAlias = Any
_AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

_DIMENSIONS = {"key": totals.c.key_id, "model": totals.c.model, "day": totals.c.day}
_INPUT = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
_OUTPUT = ("output_tokens", "reasoning_tokens", "output_audio_tokens")


_FIGURES = {
    "requests": ("requests",),
    "input_tokens": _INPUT,
    "output_tokens": _OUTPUT,
    "estimated_requests": ("estimated_requests",),
    "errors": ("errors",),
    "cost_nanodollars": ("cost_nanodollars",),
    "unpriced_requests": ("unpriced_requests",),
}
"""What each figure adds up. Counters are never negative."""
_HALF = 32
"""Bits: the upper and the lower half of each counter are added apart. A sum of whole ones may go beyond 64 bits, where
SQLite gives up; the sum of a report's groups is exact whatever its size."""
_SHIFT = literal_column(str(_HALF), Integer)
_MASK = literal_column(str(2**_HALF - 1), BigInteger)


def _sum(parts: Iterable[ColumnElement[int]], label: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(reduce(add, parts)), 0).label(label)


def _halves(figure: str, names: Sequence[str]) -> Iterator[ColumnElement[int]]:
    yield _sum((totals.c[name].op(">>")(_SHIFT) for name in names), f"{figure}_upper")
    yield _sum((totals.c[name].op("&")(_MASK) for name in names), f"{figure}_lower")


_SUMS = [half for figure, names in _FIGURES.items() for half in _halves(figure, names)]
_RECORDS = (
    select(events, *(column for column in subjects.c if column.name != "id"), sources.c.name.label("source"))
    .join(subjects, subjects.c.id == events.c.subject_id)
    .join(sources, sources.c.id == events.c.source_id)
)
_PLACE = tuple_(events.c.occurred_at_us, events.c.id)


class SqlReading:
    """The port `UsageReading` on a connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def report(
        self, wanted: ReportFilter, group_by: Sequence[Dimension], page: PageRequest
    ) -> tuple[Page[ReportRow], Figures]:
        """Three statements: how many groups, one page of them, and the whole."""
        groups = [_DIMENSIONS[dimension] for dimension in group_by]
        rows = _chosen(select(*groups, *_SUMS), wanted).group_by(*groups)
        # Without a dimension there is one group, even of nothing: SQL's empty GROUP BY says so too.
        count = await self._connection.scalar(select(func.count()).select_from(rows.subquery()))
        shown = rows.order_by(*_order(group_by)).limit(page.per_page).offset(page.offset)
        found = [_report_row(row, group_by) for row in await self._connection.execute(shown)]
        whole = (await self._connection.execute(_chosen(select(*_SUMS), wanted))).one()
        return Page(found, count or 0, page), _figures(whole)

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """Backwards along the index on `occurred_at_us`."""
        statement = _RECORDS.where(subjects.c.organization_id == wanted.organization_id)
        for column, value in (
            (subjects.c.key_id, wanted.key_id),
            (subjects.c.model, wanted.model),
            (subjects.c.outcome, wanted.outcome),
            (events.c.event_id, wanted.event_id),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if wanted.from_us is not None:
            statement = statement.where(events.c.occurred_at_us >= wanted.from_us)
        if wanted.before_us is not None:
            statement = statement.where(events.c.occurred_at_us < wanted.before_us)
        if after is not None:
            statement = statement.where(after > _PLACE)
        newest_first = statement.order_by(events.c.occurred_at_us.desc(), events.c.id.desc()).limit(limit)
        return [_record(row) for row in await self._connection.execute(newest_first)]

    async def newest_received_us(self) -> int | None:
        """Of the record with the highest number."""
        newest = select(events.c.received_at_us).order_by(events.c.id.desc()).limit(1)
        return await self._connection.scalar(newest)

    async def rejected(self) -> int:
        """How many there are."""
        return await self._connection.scalar(select(func.count()).select_from(rejected)) or 0


def _chosen(statement: _AnySelect, wanted: ReportFilter) -> _AnySelect:
    statement = statement.where(
        totals.c.organization_id == wanted.organization_id, totals.c.day.between(wanted.first_day, wanted.last_day)
    )
    if wanted.key_id is not None:
        statement = statement.where(totals.c.key_id == wanted.key_id)
    if wanted.model is not None:
        statement = statement.where(totals.c.model == wanted.model)
    return statement


def _order(group_by: Sequence[Dimension]) -> list[ColumnElement[Any]]:
    """The newest day first, then by key and model."""
    days = [totals.c.day.desc()] if "day" in group_by else []
    return days + [_DIMENSIONS[dimension].asc() for dimension in group_by if dimension != "day"]


def _figures(row: _AnyRow) -> Figures:
    sums = row._mapping  # noqa: SLF001 - SQLAlchemy's public accessor, named so as not to hide a column
    # Of integers PostgreSQL, MariaDB and MySQL give decimals, which are whole.
    return Figures(
        **{name: (int(sums[f"{name}_upper"]) << _HALF) + int(sums[f"{name}_lower"]) for name in Figures.__slots__}
    )


def _report_row(row: _AnyRow, group_by: Sequence[Dimension]) -> ReportRow:
    return ReportRow(
        key_id=row.key_id if "key" in group_by else None,
        model=row.model if "model" in group_by else None,
        day=row.day if "day" in group_by else None,
        figures=_figures(row),
    )


def _record(row: _AnyRow) -> UsageRecord:
    return UsageRecord(
        sequence=row.id,
        event=UsageEvent._make(getattr(row, name) for name in UsageEvent._fields),
        cost_nanodollars=row.cost_nanodollars,
        charge_nanodollars=row.charge_nanodollars,
        price_id=row.price_id,
        received_at_us=row.received_at_us,
        transaction=row.transaction_id,
    )
