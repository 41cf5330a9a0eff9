"""The two engines of an SQLite file: one writer, and readers that cannot write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import create_async_engine

from headworks.kernel.database.checkpoints import LIMIT_BYTES, LONGEST_PAGES
from headworks.kernel.database.inline import DRIVER, InlineConnection
from headworks.kernel.database.threaded import BEGIN, BUSY_MS, ReadingConnection, WritingConnection

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

    from headworks.kernel.database.checkpoints import Checkpoints

_CACHE_KIB = 8 * 1024
"""What a connection that reads lists keeps of the file: counting ten thousand rows in SQLite's usual 2 MiB reads them anew each time."""
_POOL_SECONDS = 10.0
"""How long a caller waits for a connection before it is told 503."""
_READERS = 4


def writing_engine(path: Path, *, inline: bool, checkpoints: Checkpoints) -> AsyncEngine:
    """One connection, so that writers queue rather than collide. `inline`: see `inline`, and `threaded` for the contrary."""
    engine = create_async_engine(
        _url(path),
        connect_args=_connect_args(InlineConnection if inline else WritingConnection),
        pool_size=1,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
    )
    pragmas = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
    log = (f"wal_autocheckpoint = {LONGEST_PAGES}", f"journal_size_limit = {LIMIT_BYTES}")
    _on_connect(engine, (f"busy_timeout = {BUSY_MS}", *pragmas, *log))

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(BEGIN)

    @event.listens_for(engine.sync_engine, "commit")
    def commit(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        checkpoints.changed(driver.total_changes)

    return engine


def reading_engine(path: Path, *, inline: bool) -> AsyncEngine:
    """Connections that refuse to write; each statement commits by itself."""
    engine = create_async_engine(
        _url(path),
        connect_args=_connect_args(InlineConnection if inline else ReadingConnection),
        pool_size=_READERS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
        # Nothing to roll back, and a roll-back would cost a thread hop for each read.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
    )
    cache = () if inline else (f"cache_size = -{_CACHE_KIB}",)
    _on_connect(engine, (f"busy_timeout = {BUSY_MS}", "query_only = ON", *cache))
    return engine


def untouching_engine(path: Path) -> AsyncEngine:
    """One connection that leaves the file and its log as they are, also when it is closed. For who reads what nobody serves."""
    file = URL.create(DRIVER, database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})
    engine = create_async_engine(
        file,
        connect_args=_connect_args(InlineConnection),
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
    )
    _on_connect(engine, (f"busy_timeout = {BUSY_MS}", f"cache_size = -{_CACHE_KIB}"))
    return engine


def _url(path: Path) -> str:
    return f"{DRIVER}:///{path}"


def _connect_args(factory: type[InlineConnection]) -> dict[str, object]:
    # Without an isolation level sqlite3 begins nothing by itself: the begin event above is the only one that does.
    # The pool gives a connection to one task at a time, so that threads use it one after another.
    shared = factory is not InlineConnection
    return {"isolation_level": None, "cached_statements": 256, "factory": factory, "check_same_thread": not shared}


def _on_connect(engine: AsyncEngine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
