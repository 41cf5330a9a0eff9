"""Writing usage, within one transaction."""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, tuple_
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from headworks.usage.adapters.tables import events, rejected, sources, subjects, totals
from headworks.usage.domain.rows import ADDED, OWN, identity_of
from headworks.usage.domain.totals import COUNTERS, Group
from headworks.usage.ports import AlreadyThere, RowsRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.rows import Row, Subject
    from headworks.usage.ports import Rejection

_COLUMNS = ("source_id", "subject_id", *OWN, *ADDED)
_AT_ONCE = (1000, 100, 10, 1)
"""Rows in one statement: a third cheaper than one each. SQLite takes 32766 parameters, and a row has 26."""


def _adding(count: int) -> str:
    # Written out, since SQLAlchemy's own way of binding would cost more than all else that is done for an event.
    row = f"({', '.join('?' * len(_COLUMNS))})"
    return (
        f"INSERT INTO {events.name} ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * count)} "  # noqa: S608 - no input
        "ON CONFLICT (source_id, event_id) DO NOTHING"
    )


_ADD_ROWS = {count: _adding(count) for count in _AT_ONCE}
_new_total = upsert(totals)
_ADD_TOTAL = _new_total.on_conflict_do_update(
    index_elements=list(Group._fields),
    set_={name: totals.c[name] + _new_total.excluded[name] for name in COUNTERS},
)
_PUT_ASIDE = upsert(rejected).on_conflict_do_nothing()
_ASKED_AT_ONCE = 500
_MOST_KNOWN = 50_000


class Known:
    """Numbers of sources and subjects, so that they are not looked up for each batch."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def learn(self, numbers: Mapping[str, int]) -> None:
        """What a committed transaction found out. When it is much, the rest is forgotten."""
        if len(self.numbers) + len(numbers) > _MOST_KNOWN:
            self.numbers.clear()
        self.numbers.update(numbers)


class SqlUnit:
    """The port `UsageUnit` on an open transaction."""

    def __init__(self, connection: AsyncConnection, known: Known) -> None:
        self._connection = connection
        self._known = known
        self.learnt: dict[str, int] = {}

    async def add_rows(self, rows: Sequence[Row]) -> None:
        """Raises AlreadyThere, RowsRefused."""
        if not rows:
            return
        numbers = {subject: await self._numbers(subject) for subject in {subject for subject, _ in rows}}
        start = 0
        for count in _AT_ONCE:
            while start + count <= len(rows):
                part = rows[start : start + count]
                values = tuple(chain.from_iterable((*numbers[subject], *own) for subject, own in part))
                with _refusals():
                    added = await self._connection.exec_driver_sql(_ADD_ROWS[count], values)
                if added.rowcount != count:
                    raise AlreadyThere
                start += count

    async def present(self, rows: Iterable[Row]) -> Collection[tuple[str, str]]:
        """Asks for some hundreds at a time: a statement has a largest number of parameters."""
        wanted = [identity_of(row) for row in rows]
        identity = tuple_(sources.c.name, events.c.event_id)
        among = select(sources.c.name, events.c.event_id).join(sources, sources.c.id == events.c.source_id)
        found: set[tuple[str, str]] = set()
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            statement = among.where(identity.in_(wanted[start : start + _ASKED_AT_ONCE]))
            found.update((row.name, row.event_id) for row in await self._connection.execute(statement))
        return found

    async def add_totals(self, sums_by_group: Mapping[Group, tuple[int, ...]]) -> None:
        """Raises RowsRefused."""
        parameters = [
            {**group._asdict(), **dict(zip(COUNTERS, sums, strict=True))} for group, sums in sums_by_group.items()
        ]
        if parameters:
            with _refusals():
                await self._connection.execute(_ADD_TOTAL, parameters)

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """One that is there already stays."""
        rows = [
            {"digest": one.digest, "reason": one.reason, "event": one.event, "rejected_at": one.rejected_at}
            for one in rejections
        ]
        await self._connection.execute(_PUT_ASIDE, rows)

    async def _numbers(self, subject: Subject) -> tuple[int, int]:
        """Of its source and of itself."""
        name, *others = subject.shared
        columns = {**subject.shared._asdict(), "price_id": subject.price_id}
        del columns["source"]
        digest = hashlib.sha256(json.dumps([*others, subject.price_id]).encode()).hexdigest()
        source_id = await self._number(sources, "name", name, {})
        return source_id, await self._number(subjects, "digest", digest, columns)

    async def _number(self, table: Table, column: str, value: str, others: Mapping[str, str | None]) -> int:
        memory = f"{column} {value}"
        number = self._known.numbers.get(memory) or self.learnt.get(memory)
        if number is None:
            number = await self._connection.scalar(select(table.c.id).where(table.c[column] == value))
        if number is None:
            adding = insert(table).values({column: value, **others}).returning(table.c.id)
            number = (await self._connection.execute(adding)).scalar_one()
        self.learnt[memory] = number
        return number


class _refusals:  # noqa: N801 - reads as `with _refusals():`
    """Turns the store's complaint about a row into RowsRefused; a store that fails passes as what it is."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        # OverflowError and UnicodeError come from sqlite3 while it binds.
        if isinstance(error, (IntegrityError, DataError, OverflowError, UnicodeError)) or type(error) is StatementError:
            raise RowsRefused(str(error)) from error
