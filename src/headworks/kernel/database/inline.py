"""An SQLite driver for SQLAlchemy's asyncio that runs statements in the loop's own thread.

An indexed select takes microseconds, and handing it to another thread and back costs half a millisecond. Anything that may take
longer belongs on `threaded`, which keeps the loop free.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import URL, Pool
    from sqlalchemy.engine.interfaces import DBAPIConnection

    Parameters = Iterable[object]

C = TypeVar("C", bound=sqlite3.Cursor)

DRIVER = "sqlite+inline"


async def _nothing() -> None:
    """SQLAlchemy's asyncio refuses a driver that never awaits; this is our await."""


class InlineCursor(sqlite3.Cursor):
    """A plain cursor that passes for an awaiting one."""

    def execute(self, sql: str, parameters: Parameters = ()) -> InlineCursor:  # type: ignore[override]
        """Run one statement, here and now."""
        await_only(_nothing())
        super().execute(sql, tuple(parameters))
        return self

    def executemany(self, sql: str, parameters: Iterable[Parameters]) -> InlineCursor:  # type: ignore[override]
        """Run one statement with each of the parameters, here and now."""
        await_only(_nothing())
        super().executemany(sql, [tuple(one) for one in parameters])
        return self

    async def _async_soft_close(self) -> None:
        """SQLAlchemy calls this once the rows are buffered; plain cursors hold nothing that would need it."""


class InlineConnection(sqlite3.Connection):
    """A plain connection that hands out `InlineCursor`."""

    def cursor(self, factory: type[C] = InlineCursor) -> C:  # type: ignore[override, assignment]
        """A cursor of this connection."""
        return super().cursor(factory)


class InlineDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's own SQLite dialect, declared fit for asyncio."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, _url: URL) -> type[Pool]:
        """The pool that waits without blocking the loop."""
        return AsyncAdaptedQueuePool

    def get_driver_connection(self, connection: DBAPIConnection) -> DBAPIConnection:
        """The connection is the driver's own."""
        return connection


registry.register("sqlite.inline", __name__, InlineDialect.__name__)
