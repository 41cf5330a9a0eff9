"""The two engines of an SQLite file: one writer, and readers that cannot write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from headworks.kernel.database.inline import DRIVER as INLINE_DRIVER
from headworks.kernel.database.inline import InlineConnection

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_MS = 5_000
"""How long SQLite waits for another process's lock."""
_POOL_SECONDS = 10.0
"""How long a caller waits for a connection before it is told 503."""
_READERS = 4


def writing_engine(path: Path, *, inline: bool) -> AsyncEngine:
    """One connection, so that writers queue rather than collide."""
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


def reading_engine(path: Path, *, inline: bool) -> AsyncEngine:
    """Connections that refuse to write; each statement commits by itself."""
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
