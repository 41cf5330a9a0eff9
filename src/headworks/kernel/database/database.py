"""A database of one context: transactions that commit at the end of a block, and reads that cannot write."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from headworks.kernel.database.inline import DRIVER as INLINE_DRIVER
from headworks.kernel.database.inline import InlineConnection
from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_MS = 5_000
"""How long SQLite waits for another process's lock."""
_POOL_SECONDS = 10.0
"""How long a caller waits for a connection before it is told 503."""
_READERS = 4
_OURS = (DataError, IntegrityError, ProgrammingError)
"""Errors of what was asked, not of the database: adapters translate them or they are bugs."""


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or could not write."""

    code = "database_unavailable"
    title = "The database is not available"


class Database:
    """Two engines on one database: the writer has one connection, so writers queue rather than collide."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._before_commit: list[Callable[[AsyncConnection], Awaitable[None]]] = []

    def before_commit(self, hook: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Call `hook` at the end of each transaction that ends well, as its last part. What it raises undoes the transaction."""
        self._before_commit.append(hook)

    @classmethod
    def sqlite(cls, path: Path, *, inline: bool = False) -> Database:
        """The SQLite file at `path`, in WAL mode, where a commit survives the loss of power.

        `inline` runs statements in the loop's thread (see `inline.py`). A Database belongs to the loop that first uses it.
        """
        return cls(_writer(path, inline=inline), _reader(path, inline=inline))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commit when the block ends well, roll back otherwise. Raises DatabaseUnavailable."""
        with _translated():
            async with self._writer.begin() as connection:
                yield connection
                for hook in self._before_commit:
                    await hook(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that refuses to write; each statement sees what is committed. Raises DatabaseUnavailable."""
        with _translated():
            async with self._reader.connect() as connection:
                yield connection

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when the smallest read of a table fails."""
        async with self.read() as connection:
            await connection.exec_driver_sql("SELECT version_num FROM alembic_version")

    async def close(self) -> None:
        """Close every connection; the last one folds SQLite's log into the file."""
        await self._reader.dispose()
        await self._writer.dispose()


class _translated:  # noqa: N801 - reads as `with _translated():`
    """Turns a failing database into the error that a door renders as 503."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        failed = isinstance(error, (DatabaseError, InterfaceError, PoolTimeoutError)) and not isinstance(error, _OURS)
        if failed:
            raise DatabaseUnavailable(
                "The database is not available at the moment; try again shortly.", detail=str(error)
            ) from error


def _writer(path: Path, *, inline: bool) -> AsyncEngine:
    engine = create_async_engine(
        _url(path, inline=inline),
        connect_args=_connect_args(inline=inline),
        pool_size=1,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
    )
    pragmas = (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
    _on_connect(engine, pragmas)

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # At once the writer: a transaction that reads first and writes later could find itself out of date.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _reader(path: Path, *, inline: bool) -> AsyncEngine:
    engine = create_async_engine(
        _url(path, inline=inline),
        connect_args=_connect_args(inline=inline),
        pool_size=_READERS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
        # Nothing to roll back, and a roll-back would cost a thread hop for each read.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
    )
    _on_connect(engine, (f"busy_timeout = {_BUSY_MS}", "query_only = ON"))
    return engine


def _url(path: Path, *, inline: bool) -> str:
    return f"{INLINE_DRIVER if inline else 'sqlite+aiosqlite'}:///{path}"


def _connect_args(*, inline: bool) -> dict[str, object]:
    # Without an isolation level sqlite3 begins nothing by itself: the begin event above is the only one that does.
    common: dict[str, object] = {"isolation_level": None, "cached_statements": 256}
    return {**common, "factory": InlineConnection} if inline else common


def _on_connect(engine: AsyncEngine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
