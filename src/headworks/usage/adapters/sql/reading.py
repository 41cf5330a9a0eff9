"""Reading usage: reports from the roll-ups, single records from the events."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.exc import DBAPIError

from headworks.dataplane.events import UsageEvent
from headworks.kernel.moments import moment
from headworks.kernel.pagination import Page
from headworks.usage.adapters.sql.reporting import Reporting
from headworks.usage.adapters.sql.rollups import kept_from
from headworks.usage.adapters.tables import events, groups, pending, rejected, rollups, sources, subjects
from headworks.usage.contracts import UsageRecord
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.figures import FIGURES, WINDOW
from headworks.usage.domain.remarks import CONTRADICTS
from headworks.usage.domain.rollups import SECONDS
from headworks.usage.ports import Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.pagination import PageRequest
    from headworks.usage.contracts import ReportRow
    from headworks.usage.ports import RecordFilter, ReportFilter

_AnyRow: TypeAlias = Any

_DAY_US = 86_400_000_000
_LARGEST = 2**63 - 1
_ASKED_AT_ONCE = 400

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
        self, wanted: ReportFilter, group_by: Sequence[str], page: PageRequest
    ) -> tuple[Page[ReportRow], ReportRow]:
        """PostgreSQL, MariaDB and MySQL add up to decimals, which are exact whatever their size.

        SQLite adds up to 64 bits, and refuses what is more; then it is asked again, for halves.
        """
        if self._connection.dialect.name != "sqlite":
            return await self._report(Reporting(wanted, group_by, of_sqlite=False), page)
        try:
            found, whole = await self._report(Reporting(wanted, group_by, of_sqlite=True), page)
        except DBAPIError as error:
            if "integer overflow" not in str(error.orig):
                raise
        else:
            # The rows may have been sorted by a figure of several sums, which it adds up to 64 bits, or inexactly.
            if not _is_large(whole):
                return found, whole
        return await self._report(Reporting(wanted, group_by, of_sqlite=True, halves=True), page)

    async def _report(self, reporting: Reporting, page: PageRequest) -> tuple[Page[ReportRow], ReportRow]:
        rows = list((await self._connection.execute(reporting.rows(page))).mappings())
        if rows:
            every, count = reporting.row_of_all(rows[0]), rows[0]["records"]
        else:
            # Of nothing, or of a page behind the last one.
            count = await self._connection.scalar(reporting.count()) or 0
            whole = (await self._connection.execute(reporting.whole())).mappings().one()
            every = reporting.row_of_whole(whole)
        return Page([reporting.row(row) for row in rows], count, page), every

    async def window(
        self, organization_id: str, dimension: str, value: str, unit: str, since_s: int
    ) -> list[tuple[int, int]]:
        """Along the index on `start_s`."""
        minutes = rollups["minute"]
        amount = func.sum(reduce(add, (minutes.c[name] for name in WINDOW[unit])))
        found = (
            select(minutes.c.start_s, amount.label("amount"))
            .join(groups, groups.c.id == minutes.c.group_id)
            .where(
                groups.c.organization_id == organization_id,
                groups.c[TEXTS[dimension]] == value,
                minutes.c.start_s >= since_s - since_s % SECONDS["minute"],
            )
            .group_by(minutes.c.start_s)
            .order_by(minutes.c.start_s)
        )
        return [(row.start_s, int(row.amount)) for row in await self._connection.execute(found)]

    async def pending_days(self) -> list[int]:
        """The newest first."""
        return list(
            (await self._connection.execute(select(pending.c.day_s).order_by(pending.c.day_s.desc()))).scalars()
        )

    async def kept_from(self) -> int:
        """Of the turn's row."""
        return await kept_from(self._connection)

    async def first_day(self) -> int | None:
        """Along the index on `occurred_at_us`."""
        kept = events.c.occurred_at_us >= await self.kept_from()
        first_us = await self._connection.scalar(select(func.min(events.c.occurred_at_us)).where(kept))
        return None if first_us is None else first_us // _DAY_US * SECONDS["day"]

    async def records(self, wanted: RecordFilter, after: tuple[int, int] | None, limit: int) -> list[UsageRecord]:
        """Backwards along the index on `occurred_at_us`."""
        statement = _RECORDS.where(subjects.c.organization_id == wanted.organization_id)
        for column, value in (
            (subjects.c.project_id, wanted.project_id),
            (subjects.c.key_id, wanted.key_id),
            (subjects.c.user_id, wanted.user_id),
            (subjects.c.provider_id, wanted.provider_id),
            (subjects.c.model, wanted.model),
            (subjects.c.outcome, wanted.outcome),
            (events.c.event_id, wanted.event_id),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if wanted.contradicted is not None:
            remarked = events.c.usage_flags.contains(CONTRADICTS, autoescape=True)
            statement = statement.where(remarked if wanted.contradicted else ~remarked)
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

    async def stored(self, source: str, event_ids: Sequence[str]) -> int:
        """Asks for some hundreds at a time: a statement has a largest number of parameters."""
        among = (
            select(func.count())
            .select_from(events.join(sources, sources.c.id == events.c.source_id))
            .where(sources.c.name == source)
        )
        found = 0
        for start in range(0, len(event_ids), _ASKED_AT_ONCE):
            some = event_ids[start : start + _ASKED_AT_ONCE]
            found += await self._connection.scalar(among.where(events.c.event_id.in_(some))) or 0
        return found

    async def rejected(self) -> int:
        """How many there are."""
        return await self._connection.scalar(select(func.count()).select_from(rejected)) or 0

    async def rejections(self, after: tuple[int, str] | None, limit: int) -> list[Rejection]:
        """Of the whole table, which is small where all is well."""
        at, digest = rejected.c.rejected_at, rejected.c.digest
        wanted = select(rejected).order_by(at.desc(), digest).limit(limit)
        if after is not None:
            last = moment(after[0])
            wanted = wanted.where(or_(at < last, and_(at == last, digest > after[1])))
        return [Rejection(**row) for row in (await self._connection.execute(wanted)).mappings()]


def _is_large(row: ReportRow) -> bool:
    return any(
        getattr(figures, name) > _LARGEST
        for figures in (row.figures, row.previous)
        if figures is not None
        for name in FIGURES
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
