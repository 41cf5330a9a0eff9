"""Usage in a relational database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.kernel.database import EVERYTHING
from headworks.kernel.moments import time_of
from headworks.kernel.telemetry import logger
from headworks.usage.adapters.sql.numbers import Known
from headworks.usage.adapters.sql.partitions import Partitions
from headworks.usage.adapters.sql.reading import SqlReading
from headworks.usage.adapters.sql.unit import SqlUnit
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from headworks.kernel.database import Database
    from headworks.usage.ports import Bookkeeper

__all__ = ["SqlStore"]

_log = logger(__name__)


class SqlStore:
    """The port `UsageStore` on a database."""

    def __init__(self, database: Database, bookkeeper: Bookkeeper, tag_values: int = TAG_VALUES) -> None:
        """`tag_values`: see `UsageSettings`."""
        self._database = database
        self.bookkeeper = bookkeeper
        self._tag_values = tag_values
        self._known = Known()
        self._partitions = Partitions(database)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnit]:
        """Raises DatabaseUnavailable, TransactionLost."""
        try:
            async with (
                self._database.transaction(EVERYTHING) as connection,
                self.bookkeeper.joining(connection) as books,
            ):
                unit = SqlUnit(connection, self._known, books, self._tag_values)
                yield unit
        except BaseException:
            self._known.forget()
            self._partitions.forget()
            raise
        # Only now: numbers that were given in a transaction that fails are given again, to others.
        self._known.learn(unit.learnt)
        self._known.learn_tags(unit.tags.learnt)
        for month, what in unit.tags.filled:
            _log.warning(
                "usage has more tags in this month than reports tell apart",
                organization_id=month.organization_id,
                month=f"{time_of(month.start_s):%Y-%m}",
                full=what,
            )
        books.committed()

    @asynccontextmanager
    async def read(self, organization_id: str | None) -> AsyncIterator[SqlReading]:
        """Raises DatabaseUnavailable."""
        async with self._database.read(EVERYTHING if organization_id is None else organization_id) as connection:
            yield SqlReading(connection)

    async def make_partitions(self, at: datetime) -> list[str]:
        """On PostgreSQL."""
        return await self._partitions.make(at)

    async def drop_partitions(self, before_us: int) -> list[str]:
        """On PostgreSQL."""
        return await self._partitions.drop(before_us)
