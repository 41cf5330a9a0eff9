"""Writing usage, within one transaction."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_
from sqlalchemy.exc import DBAPIError, StatementError

from headworks.kernel.database import is_about_rows
from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.tables import events, sources, subjects
from headworks.usage.domain.rows import identity_of
from headworks.usage.domain.totals import COUNTERS
from headworks.usage.ports import RowsRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.rows import Row, Subject
    from headworks.usage.domain.totals import Group
    from headworks.usage.ports import Books, Rejection

_ASKED_AT_ONCE = 500
_MOST_KNOWN = 50_000


class Known:
    """Numbers of sources and subjects, so that they are not looked up for each batch."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def forget(self) -> None:
        """After a failure: the database may be another than before, restored from a backup, and have other numbers."""
        self.numbers.clear()

    def learn(self, numbers: Mapping[str, int]) -> None:
        """What a committed transaction found out. When it is much, the rest is forgotten."""
        if len(self.numbers) + len(numbers) > _MOST_KNOWN:
            self.numbers.clear()
        self.numbers.update(numbers)


class SqlUnit:
    """The port `UsageUnit` on an open transaction."""

    def __init__(self, connection: AsyncConnection, known: Known, books: Books) -> None:
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._known = known
        self.books = books
        self.learnt: dict[str, int] = {}

    async def add_rows(self, rows: Sequence[Row], transactions: Mapping[str, int]) -> None:
        """Raises AlreadyThere, RowsRefused."""
        if not rows:
            return
        # In one order for all writers, so that two of them never wait for each other.
        new = sorted({subject for subject, _ in rows}, key=_order)
        numbers = {
            subject: (*await self._numbers(subject), transactions[subject.shared.organization_id]) for subject in new
        }
        with _refusals():
            await self._adding.add_rows(self._connection, rows, numbers)

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
        # In one order, as above: each row is locked until the commit.
        parameters = [
            {**group._asdict(), **dict(zip(COUNTERS, sums, strict=True))}
            for group, sums in sorted(sums_by_group.items())
        ]
        if parameters:
            with _refusals():
                await self._connection.execute(self._adding.add_total, parameters)

    async def put_aside(self, rejections: Iterable[Rejection]) -> None:
        """One that is there already stays."""
        rows = [
            {"digest": one.digest, "reason": one.reason, "event": one.event, "rejected_at": one.rejected_at}
            for one in rejections
        ]
        await self._connection.execute(self._adding.put_aside, rows)

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
            finding = select(table.c.id).where(table.c[column] == value)
            number = await self._connection.scalar(finding)
            if number is None:
                # Another writer may add the very same at this moment; then this waits, and finds what that one made.
                with _refusals():
                    await self._connection.execute(self._adding.unless_there(table).values({column: value, **others}))
                number = (await self._connection.execute(finding)).scalar_one()
        self.learnt[memory] = number
        return number


def _order(subject: Subject) -> tuple[str, ...]:
    return (*subject.shared, subject.price_id or "")


class _refusals:  # noqa: N801 - reads as `with _refusals():`
    """Turns the store's complaint about a row into RowsRefused; a store that fails passes as what it is."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        # OverflowError and UnicodeError come from sqlite3 while it binds.
        complaint = is_about_rows(error) if isinstance(error, DBAPIError) else type(error) is StatementError
        if complaint or isinstance(error, (OverflowError, UnicodeError)):
            raise RowsRefused(str(error)) from error
