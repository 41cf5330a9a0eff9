"""Usage in a relational database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.usage.adapters.sql.numbers import Known
from headworks.usage.adapters.sql.reading import SqlReading
from headworks.usage.adapters.sql.unit import SqlUnit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headworks.kernel.database import Database
    from headworks.usage.ports import Bookkeeper

__all__ = ["SqlStore"]


class SqlStore:
    """The port `UsageStore` on a database."""

    def __init__(self, database: Database, bookkeeper: Bookkeeper) -> None:
        self._database = database
        self.bookkeeper = bookkeeper
        self._known = Known()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnit]:
        """Raises DatabaseUnavailable, TransactionLost."""
        try:
            async with (
                self._database.transaction() as connection,
                self.bookkeeper.joining(connection) as books,
            ):
                unit = SqlUnit(connection, self._known, books)
                yield unit
        except BaseException:
            self._known.forget()
            raise
        # Only now: numbers that were given in a transaction that fails are given again, to others.
        self._known.learn(unit.learnt)
        books.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlReading]:
        """Raises DatabaseUnavailable."""
        async with self._database.read() as connection:
            yield SqlReading(connection)
