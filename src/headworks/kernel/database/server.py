"""The two engines of a database on a server: PostgreSQL, MariaDB or MySQL. What differs between them is said here."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine

from headworks.kernel.clock import monotonic
from headworks.kernel.database import walls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from headworks.kernel.database.address import Address
    from headworks.kernel.database.walls import Sight

_IDLE_SECONDS = 1.0
"""A connection that was used within it is believed to be alive."""
_LEFT_AT = "headworks_left_at"
_RECYCLE_SECONDS = 1_800
"""How old a connection gets: firewalls forget silent ones, and a name may have moved."""
_MODES = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
"""MariaDB and MySQL: a value that does not fit is an error, and one that is given is kept, whatever the server was told."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may take of a server, and how long it waits for it."""

    connections: int = 5
    """For each context: one writes, the others read."""
    connect_seconds: float = 5.0
    lock_seconds: float = 5.0
    """How long a statement waits for another transaction; MariaDB and MySQL know whole seconds."""
    statement_seconds: float = 30.0

    @property
    def block_seconds(self) -> float:
        """How long a whole transaction or read may take: a server that is silent does not hold us for ever."""
        return 2 * self.statement_seconds


def writing_engine(address: Address, limits: Limits) -> AsyncEngine:
    """One connection: a process has one writer for each context, as it has on SQLite."""
    return _engine(address, limits, size=1, reads_only=False, sees=walls.NOTHING)


def reading_engines(address: Address, limits: Limits) -> tuple[AsyncEngine, AsyncEngine | None]:
    """Connections that refuse to write, where each statement commits by itself: for reading everything, and for one organisation.

    None for the latter where there are no walls, or where but one connection is left for reading.
    """
    size = max(1, limits.connections - 1)
    apart = size // 2 if address.family == "postgresql" else 0
    everything = _engine(address, limits, size=size - apart, reads_only=True, sees=walls.EVERYTHING)
    walled = _engine(address, limits, size=apart, reads_only=True, sees=walls.NOTHING) if apart else None
    return everything, walled


def _engine(address: Address, limits: Limits, *, size: int, reads_only: bool, sees: Sight) -> AsyncEngine:
    engine = create_async_engine(
        address.url(),
        connect_args=connect_args(address, limits),
        pool_size=size,
        max_overflow=0,
        pool_timeout=limits.connect_seconds + limits.lock_seconds,
        pool_recycle=_RECYCLE_SECONDS,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT" if reads_only else "READ COMMITTED",
        skip_autocommit_rollback=True,
    )
    _ping_idle(engine)
    if address.family == "postgresql":
        _set_on_connect(engine, limits, reads_only=reads_only, sees=sees)
    else:
        # What the driver logs of a server's warnings repeats values.
        logging.getLogger("asyncmy").setLevel(logging.ERROR)
        _say_on_connect(engine, limits, reads_only=reads_only)
    return engine


def connect_args(address: Address, limits: Limits) -> dict[str, object]:
    """What the driver is told besides the URL."""
    if address.family == "postgresql":
        return {
            "timeout": limits.connect_seconds,
            # False, not None: None lets the driver look for PGSSLMODE.
            "ssl": address.tls_context() or False,
            "server_settings": {"application_name": "headworks"},
        }
    return {
        "connect_timeout": math.ceil(limits.connect_seconds),
        "charset": "utf8mb4",
        "ssl": address.tls_context(),
    }


def _ping_idle(engine: AsyncEngine) -> None:
    """A connection that died while it was idle is replaced before a caller meets it.

    As `pool_pre_ping` does, which asks each time: a round trip for each read and three for each transaction, while others wait.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def left(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_LEFT_AT] = monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def taken(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if monotonic() - entry.info.get(_LEFT_AT, monotonic()) < _IDLE_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            if not engine.dialect.is_disconnect(error, connection, None):
                raise
            alive = False
        if not alive:
            raise DisconnectionError


def _set_on_connect(engine: AsyncEngine, limits: Limits, *, reads_only: bool, sees: Sight) -> None:
    settings = {
        walls.SETTING: sees,
        "default_transaction_read_only": "on" if reads_only else "off",
        "lock_timeout": _ms(limits.lock_seconds),
        "statement_timeout": _ms(limits.statement_seconds),
        "idle_in_transaction_session_timeout": _ms(limits.block_seconds),
    }
    told = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())

    # One more round trip than as parameters of the connection: a pooler in between, as PgBouncer, refuses or drops those.
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: AsyncAdapt_dbapi_connection, entry: ConnectionPoolEntry) -> None:
        connection.run_async(lambda driver: driver.execute(f"SELECT {told}", timeout=limits.connect_seconds))
        walls.remember(entry, sees)


def _say_on_connect(engine: AsyncEngine, limits: Limits, *, reads_only: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for statement in _session(limits, mariadb=bool(getattr(engine.dialect, "is_mariadb", False))):
            cursor.execute(statement)
        if reads_only:
            # What several statements read in one transaction is of one moment.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.close()


def _session(limits: Limits, *, mariadb: bool) -> Iterator[str]:
    yield f"SET SESSION sql_mode = '{_MODES}'"
    yield f"SET SESSION innodb_lock_wait_timeout = {math.ceil(limits.lock_seconds)}"
    # MySQL limits what reads alone; MariaDB every statement.
    if mariadb:
        yield f"SET SESSION max_statement_time = {limits.statement_seconds:g}"
    else:
        yield f"SET SESSION max_execution_time = {_ms(limits.statement_seconds)}"


def _ms(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
