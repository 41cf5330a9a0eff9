"""An SQLite driver for SQLAlchemy's asyncio that runs statements in the loop's own thread.

An indexed select takes microseconds, and handing it to another thread and back costs half a millisecond. Anything that may take
longer belongs on `threaded`, which keeps the loop free.
"""

from __future__ import annotations

import sqlite3
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import URL, Pool
    from sqlalchemy.engine.interfaces import DBAPIConnection, ExecutionContext

    Parameters = Iterable[object]

C = TypeVar("C", bound=sqlite3.Cursor)

DRIVER = "sqlite+inline"
BY_KEY: Final[Mapping[str, Any]] = MappingProxyType({"headworks_by_key": True})
"""Execution options of a statement that finds its row in an index: on no connection is it handed to a thread."""


async def _nothing() -> None:
    """SQLAlchemy's asyncio refuses a driver that never awaits; this is our await."""


class InlineCursor(sqlite3.Cursor):
    """A plain cursor that passes for an awaiting one."""

    def execute(self, sql: str, parameters: Parameters = ()) -> InlineCursor:  # type: ignore[override]
        """Run one statement, here and now."""
        await_only(_nothing())
        super().execute(sql, tuple(parameters))
        return self

    def look_up(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one statement that takes no time, here and now."""
        self.execute(sql, parameters)

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

    def do_execute(
        self,
        cursor: Any,  # noqa: ANN401 - as SQLAlchemy declares it
        statement: str,
        parameters: Any,  # noqa: ANN401 - as above
        context: ExecutionContext | None = None,
    ) -> None:
        """Run one statement, in the way that suits it."""
        if context is not None and context.execution_options.keys() >= BY_KEY.keys():
            cursor.look_up(statement, parameters)
        else:
            cursor.execute(statement, parameters)

    def get_driver_connection(self, connection: DBAPIConnection) -> DBAPIConnection:
        """The connection is the driver's own."""
        return connection


registry.register("sqlite.inline", __name__, InlineDialect.__name__)
