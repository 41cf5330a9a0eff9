"""A database of one context: transactions that commit at the end of a block, and reads that cannot write."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from headworks.kernel.database import server, sqlite, walls
from headworks.kernel.database.checkpoints import Checkpoints
from headworks.kernel.database.failures import DatabaseUnavailable, outage, refuses_to_write, unavailable
from headworks.kernel.database.schema import FILE_VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from headworks.kernel.database.address import Address
    from headworks.kernel.database.schema import Schema
    from headworks.kernel.database.server import Limits
    from headworks.kernel.database.walls import Sight

_MOMENT: Final = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "mysql": "START TRANSACTION WITH CONSISTENT SNAPSHOT",
}


@dataclass(frozen=True, slots=True)
class Engines:
    """Connections, by what they are for. Where an optional one is missing, `reader` does its work."""

    writer: AsyncEngine
    reader: AsyncEngine
    quick: AsyncEngine | None = None
    """See `Database.look_up`."""
    walled: AsyncEngine | None = None
    """Reads for one organisation; `reader` reads for all of them."""


class Database:
    """Two engines on one database: the writer has one connection, so writers queue rather than collide.

    Whoever opens it says what it may see: EVERYTHING, or an organisation's rows. PostgreSQL holds them to it; see `walls.py`.
    """

    def __init__(
        self,
        engines: Engines,
        *,
        version_table: str = FILE_VERSION_TABLE,
        name: str = "",
        block_seconds: float | None = None,
        takes_turns: bool = False,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """`name` says which server it is, without a secret. `takes_turns`: see `on_server`.

        `checkpoints` are a file's, which the writer tells of what it changed.
        """
        self._writer = engines.writer
        self._reader = engines.reader
        self._quick = engines.quick or engines.reader
        self._walled = engines.walled
        self._name = name
        self._block_seconds = block_seconds
        self._checkpoints = checkpoints
        self._version = f"SELECT version_num FROM {version_table}"  # noqa: S608 - a name of ours
        self._turn = f" FROM {version_table} FOR UPDATE" if takes_turns else ""
        self._has_walls = engines.writer.dialect.name == "postgresql"
        self._before_commit: list[Callable[[AsyncConnection], Awaitable[None]]] = []

    def before_commit(self, hook: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Call `hook` at the end of each transaction that ends well, as its last part. What it raises undoes the transaction."""
        self._before_commit.append(hook)

    @classmethod
    def sqlite(cls, path: Path, *, inline: bool = False) -> Database:
        """The SQLite file at `path`, in WAL mode, where a commit survives the loss of power.

        `inline` runs statements in the loop's thread (see `inline.py`). A Database belongs to the loop that first uses it.
        """
        quick = sqlite.reading_engine(path, inline=True)
        reader = quick if inline else sqlite.reading_engine(path, inline=False)
        checkpoints = Checkpoints(path)
        writer = sqlite.writing_engine(path, inline=inline, checkpoints=checkpoints)
        return cls(Engines(writer, reader, quick), checkpoints=checkpoints)

    @classmethod
    def untouched(cls, path: Path) -> Database:
        """The SQLite file at `path`, for reading alone: nobody serves from it, and it stays byte by byte as it is."""
        reader = sqlite.untouching_engine(path)
        return cls(Engines(reader, reader))

    @classmethod
    def on_server(cls, address: Address, schema: Schema, limits: Limits, *, takes_turns: bool = True) -> Database:
        """The context's tables on a server, which other processes write to as well.

        With `takes_turns` a transaction first locks the row that holds the schema's version, so there is one writer at a
        time among all processes: what a use case looked up still holds when it writes, as on SQLite. Without, transactions
        run side by side, and their statements must be right in any order.
        """
        reader, walled = server.reading_engines(address, limits)
        return cls(
            Engines(server.writing_engine(address, limits), reader, walled=walled),
            version_table=schema.version_table,
            name=str(address),
            block_seconds=limits.block_seconds,
            takes_turns=takes_turns,
        )

    @asynccontextmanager
    async def transaction(self, sight: Sight) -> AsyncIterator[AsyncConnection]:
        """Commit when the block ends well, roll back otherwise. Raises DatabaseUnavailable, TransactionLost."""
        async with self._connected(self._writer) as connection, connection.begin():
            await self._begin(connection, sight)
            yield connection
            for hook in self._before_commit:
                await hook(connection)

    def read(self, sight: Sight) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection that refuses to write; each statement sees what is committed. Raises DatabaseUnavailable."""
        return self._reading(self._reader, sight)

    def look_up(self, sight: Sight) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `read`, for what is found by its key in an index: on a file that takes less than handing it to a thread."""
        return self._reading(self._quick, sight)

    @asynccontextmanager
    async def moment(self, sight: Sight) -> AsyncIterator[AsyncConnection]:
        """As `read`, but all that the block reads is of one moment."""
        async with self.read(sight) as connection:
            # The connection commits each statement by itself; a transaction around them makes them one moment.
            await connection.exec_driver_sql(_MOMENT[connection.dialect.name])
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    await connection.exec_driver_sql("ROLLBACK")

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when the smallest read of a table fails."""
        try:
            async with self.read(walls.EVERYTHING) as connection:
                await connection.exec_driver_sql(self._version)
        except SQLAlchemyError as error:
            raise unavailable(error, self._name) from error

    async def close(self) -> None:
        """Close every connection; the last one folds SQLite's log into the file."""
        if self._checkpoints is not None:
            await self._checkpoints.close()
        await self._reader.dispose()
        await self._quick.dispose()
        if self._walled is not None:
            await self._walled.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def _reading(self, engine: AsyncEngine, sight: Sight) -> AsyncIterator[AsyncConnection]:
        if self._walled is not None and sight != walls.EVERYTHING:
            engine = self._walled
        async with self._connected(engine) as connection:
            await walls.turn_to(connection, sight)
            yield connection

    async def _begin(self, connection: AsyncConnection, sight: Sight) -> None:
        """Wait for our turn, and say what may be seen: one round trip for both."""
        if self._has_walls:
            await walls.begin(connection, sight, self._turn)
        elif self._turn:
            await connection.exec_driver_sql(f"SELECT version_num{self._turn}")

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        deadline = asyncio.timeout(self._block_seconds)
        try:
            async with deadline:
                connection = await self._connect(engine)
                try:
                    yield connection
                except DBAPIError as error:
                    if refuses_to_write(error):
                        # It led to a primary that is none any more; a new one may lead to the next.
                        await connection.invalidate()
                    raise
                finally:
                    await connection.close()
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                raise unavailable(error, self._name) from error
            found = outage(error, self._name)
            if found is None:
                raise
            raise found from error

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        try:
            return await engine.connect()
        except DatabaseUnavailable:
            raise
        except Exception as error:
            # Drivers raise what they like here: of the operating system, of TLS, of their own.
            raise outage(error, self._name) or unavailable(error, self._name) from error
