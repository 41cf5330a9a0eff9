"""The database that is moved into: held by one mover at a time, and not served from until all is there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, inspect, select, text

from headworks.kernel.database import moved, server_schema
from headworks.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database.address import Address
    from headworks.kernel.database.schema import Schema, Standing
    from headworks.kernel.database.server import Limits

_PATIENCE_SECONDS: Final = 10
"""For what a mover that died has left: a server sees only after a moment that it is gone."""
_LOOK_SECONDS: Final = 0.2
_OTHERS: Final = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND application_name = 'headworks'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id() "
    "AND user = substring_index(user(), '@', 1)",
}
"""Connections of Headworks to this database. MariaDB and MySQL know the role alone."""


class Occupied(Conflict):
    """The database is used, or holds what is no copy of ours."""

    code = "store_occupied"
    title = "The database is not free"


class Target:
    """One database on a server, and the contexts that go there or come from there."""

    def __init__(self, address: Address, schemas: Sequence[Schema], limits: Limits) -> None:
        self.address = address
        self.schemas = schemas
        self._limits = limits

    @asynccontextmanager
    async def held(self) -> AsyncIterator[AsyncConnection]:
        """Nobody else moves, and nobody is connected. Raises Occupied, DatabaseUnavailable."""
        async with server_schema.connected(self.address, self._limits) as connection:
            await self._alone(connection)
            await self._quiet(connection)
            yield connection

    async def standing(self, schema: Schema) -> Standing:
        """Raises DatabaseUnavailable."""
        return await server_schema.standing(self.address, schema, self._limits)

    async def check(self, connection: AsyncConnection) -> None:
        """Whether each context may be moved here, before anything is changed. Raises Occupied, and what `migrate` raises."""
        for schema in self.schemas:
            found = await self.standing(schema)
            # Half migrated may be what a mover has left that died while it made the tables: rows tell whether it is.
            if found.condition == "newer":
                raise server_schema.refusal(found, schema, self.address)
            await connection.run_sync(self._check, schema, found)
            await connection.rollback()

    async def prepare(self, connection: AsyncConnection) -> None:
        """Bring the tables to what this code wants, and note that they are being filled. Raises what `migrate` raises."""
        for schema in self.schemas:
            await server_schema.migrate(self.address, schema, self._limits)
            await connection.run_sync(moved.begin, schema.context, schema.head)

    async def clear(self, connection: AsyncConnection) -> None:
        """Empty what a move that has not ended has filled; nobody has served from it. Safe to repeat."""
        begun = await connection.run_sync(moved.unended)
        for schema in reversed([one for one in self.schemas if one.context in begun]):
            await _empty(connection, [table.name for table in reversed(schema.metadata.sorted_tables)])

    async def moved(self, connection: AsyncConnection) -> set[str]:
        """The contexts that were moved here, completely."""
        found = await connection.run_sync(moved.ended)
        await connection.rollback()
        return {schema.context for schema in self.schemas if schema.context in found}

    async def end(self, connection: AsyncConnection, at_us: int) -> None:
        """From now on it may be served."""
        if connection.dialect.name == "postgresql":
            # It would plan for empty tables, until it gets to looking at them by itself.
            await connection.exec_driver_sql("ANALYZE")
            await connection.commit()
        await connection.run_sync(moved.end, [schema.context for schema in self.schemas], at_us)

    def _check(self, connection: Connection, schema: Schema, found: Standing) -> None:
        begun, done = moved.unended(connection), moved.ended(connection)
        context = schema.context
        if context in begun and begun[context] != schema.head:
            raise Occupied(
                f"A move of {context} into {self.address} was begun by another version of Headworks (schema "
                f"{begun[context]}, this one has {schema.head}). Finish it with that version, or make the database anew."
            )
        if context in begun or context in done:
            return
        present = set(inspect(connection).get_table_names())
        ours = [table for table in schema.metadata.sorted_tables if table.name in present]
        if found.condition == "missing":
            if ours:
                raise Occupied(
                    f"There is a table {ours[0].name!r} already ({self.address}), and it is not one of Headworks. Give "
                    "Headworks a database of its own."
                )
            return
        for table in ours:
            if connection.scalar(
                select(func.count()).select_from(select(text("1")).select_from(table).limit(1).subquery())
            ):
                raise Occupied(
                    f"{self.address} is not empty: {table.name} has rows, and no move has put them there. Give it an empty "
                    "database; nothing was changed."
                )

    async def _alone(self, connection: AsyncConnection) -> None:
        if not await server_schema.hold(connection, self.address, "moves", _PATIENCE_SECONDS):
            raise Occupied(f"Another process is moving into {self.address} or out of it.")

    async def _quiet(self, connection: AsyncConnection) -> None:
        """What died a moment ago is still listed."""
        others: Collection[object] = ()
        for _ in range(round(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            others = (await connection.exec_driver_sql(_OTHERS[connection.dialect.name])).scalars().all()
            await connection.rollback()
            if not any(others):
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise Occupied(
            f"{self.address} is in use: {next(iter(others))} connections are open there. Stop every process that uses it, then "
            "try again."
        )


async def _empty(connection: AsyncConnection, tables: Sequence[str]) -> None:
    # The names are ours.
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
    else:
        await connection.exec_driver_sql("SET foreign_key_checks = 0")
        for table in tables:
            await connection.exec_driver_sql(f"TRUNCATE TABLE `{table}`")
        await connection.exec_driver_sql("SET foreign_key_checks = 1")
    await connection.commit()
