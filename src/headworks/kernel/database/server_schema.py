"""The schema of a context on a database server: how it stands, and bringing it to what this code wants.

Nothing is migrated by a start: several processes share a server, and whoever rolls out a new version says when. PostgreSQL
takes all steps or none. MariaDB and MySQL commit each statement that changes a table, so that a migration which dies leaves
half of it: a note that is written before and taken away after says so, and nothing serves from such a database.
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, MetaData, String, Table, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from headworks.kernel.database import moved, walls
from headworks.kernel.database.failures import DatabaseUnavailable, code_of, no_answer
from headworks.kernel.database.schema import SchemaNotReady, SchemaTooNew, Standing, script_config, version_table_ddl
from headworks.kernel.database.server import connect_args

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from headworks.kernel.database.address import Address
    from headworks.kernel.database.schema import Condition, Schema
    from headworks.kernel.database.server import Limits

NOTES: Final = "headworks_schemas"

_notes = Table(
    NOTES,
    MetaData(),
    Column("context", String(32), primary_key=True),
    # The revision that a migration is on its way to; null when none is.
    Column("migrating_to", String(32)),
    # The oldest head whose code may run on these tables.
    Column("serves", String(32), nullable=False),
)
"""What Alembic's own table has no room for: a row for each context of this database."""

_MIGRATE: Final = "run: headworks db migrate"
_LOCK_NOT_AVAILABLE: Final = "55P03"


async def standing(address: Address, schema: Schema, limits: Limits) -> Standing:
    """Look, and change nothing. Raises DatabaseUnavailable."""
    async with connected(address, limits) as connection:
        return await connection.run_sync(_look, schema)


async def check(address: Address, schema: Schema, limits: Limits) -> Standing:
    """How it stands. Raises SchemaNotReady or SchemaTooNew, saying what to run, unless this code may serve; and DatabaseUnavailable."""
    found = await standing(address, schema, limits)
    if not found.may_serve:
        raise refusal(found, schema, address)
    return found


async def migrate(address: Address, schema: Schema, limits: Limits) -> Standing:
    """Make or change the tables; safe to run twice, and at once by several processes. Returns how it stood before.

    Raises SchemaTooNew, SchemaNotReady where tables of others are in the way, and DatabaseUnavailable.
    """
    async with connected(address, limits) as connection, _alone(connection, address, limits):
        before = await connection.run_sync(_look, schema)
        if before.condition == "newer":
            raise refusal(before, schema, address)
        if before.condition in {"missing", "behind", "half migrated"}:
            await connection.run_sync(_migrate, schema, before, address)
        return before


def _look(connection: Connection, schema: Schema) -> Standing:
    """How it stands, from the two tables that say so."""
    tables = set(inspect(connection).get_table_names())
    stored = None
    if schema.version_table in tables:
        stored = connection.execute(text(f"SELECT version_num FROM {schema.version_table}")).scalar()  # noqa: S608 - ours
    note = None
    if _notes.name in tables:
        note = connection.execute(select(_notes).where(_notes.c.context == schema.context)).first()
    condition: Condition
    if note is not None and note.migrating_to is not None:
        # What a newer version has begun is for that one to end.
        condition = "newer" if note.migrating_to > schema.head else "half migrated"
    elif stored is not None and stored > schema.head:
        condition = "compatible" if note is not None and note.serves <= schema.head else "newer"
    elif stored is None:
        condition = "missing"
    else:
        condition = "current" if stored == schema.head else "behind"
    if condition in {"current", "compatible"} and schema.context in moved.unended(connection):
        condition = "half moved"
    return Standing(condition, stored, schema.head, walls.are_passed(connection))


def refusal(found: Standing, schema: Schema, address: Address) -> SchemaNotReady | SchemaTooNew:
    """Why this code does not work on these tables, and what to run."""
    where = f"The tables of {schema.context} ({address})"
    match found.condition:
        case "newer":
            return SchemaTooNew(
                f"{where} were made by a newer version of Headworks, or are being made (schema {found.stored or 'none'} as "
                f"yet, this version knows {found.wanted}). Start that version, or restore a backup."
            )
        case "half migrated":
            return SchemaNotReady(
                f"{where} are half migrated: a migration to {found.wanted} began and has not ended. Wait for it if it is "
                f"still running; if it died, {_MIGRATE}"
            )
        case "half moved":
            return SchemaNotReady(
                f"{where} are half moved: what `headworks migrate-store` began to copy there is not all there. Run it again; it "
                "goes on where it was."
            )
        case "missing":
            return SchemaNotReady(f"{where} are not there yet; {_MIGRATE}")
        case _:
            return SchemaNotReady(
                f"{where} are of an older version (schema {found.stored}, this version needs {found.wanted}); {_MIGRATE}"
            )


def _migrate(connection: Connection, schema: Schema, before: Standing, address: Address) -> None:
    # PostgreSQL shows nobody any of this before the commit at the end. MariaDB and MySQL commit at each change of a table.
    _notes.create(connection, checkfirst=True)
    if before.stored is None:
        _clear_the_place(connection, schema, before, address)
    _note(connection, schema, migrating_to=schema.head)
    if before.stored is None:
        schema.metadata.create_all(connection, checkfirst=False)
        connection.exec_driver_sql(version_table_ddl(schema.version_table))
        version = text(f"INSERT INTO {schema.version_table} VALUES (:head)")  # noqa: S608 - a name of ours
        connection.execute(version, {"head": schema.head})
    else:
        _take_steps(connection, schema)
    _note(connection, schema, migrating_to=None)
    connection.commit()


def _clear_the_place(connection: Connection, schema: Schema, before: Standing, address: Address) -> None:
    """Before the first migration nothing of ours is there, or what a first one that died has left, without any data."""
    present = set(inspect(connection).get_table_names())
    ours = [*(table.name for table in schema.metadata.sorted_tables), schema.version_table]
    if before.condition == "half migrated":
        schema.metadata.drop_all(connection)
        if schema.version_table in present:
            connection.execute(text(f"DROP TABLE {schema.version_table}"))
    elif in_the_way := sorted(present.intersection(ours)):
        raise SchemaNotReady(
            f"There is a table {in_the_way[0]!r} already ({address}), and it is not one of Headworks. Give Headworks a "
            "database of its own."
        )


def _take_steps(connection: Connection, schema: Schema) -> None:
    from alembic import command  # noqa: PLC0415 - a quarter of a second that a start saves

    config = script_config(schema, schema.version_table)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _note(connection: Connection, schema: Schema, *, migrating_to: str | None) -> None:
    row = {"migrating_to": migrating_to, "serves": schema.serves or schema.head}
    changed = connection.execute(update(_notes).where(_notes.c.context == schema.context).values(row))
    if not changed.rowcount:
        connection.execute(delete(_notes).where(_notes.c.context == schema.context))
        connection.execute(insert(_notes).values(context=schema.context, **row))


@asynccontextmanager
async def connected(address: Address, limits: Limits) -> AsyncIterator[AsyncConnection]:
    """One connection that nobody shares, without a limit on how long a statement takes. Raises DatabaseUnavailable."""
    engine = create_async_engine(
        address.url(), connect_args=connect_args(address, limits), poolclass=NullPool, hide_parameters=True
    )
    try:
        connection = await _connect(engine, address)
        try:
            yield connection
        finally:
            await connection.close()
    except (DBAPIError, ConnectionError) as error:
        # Also what is our own fault elsewhere: here it is a right that the role lacks, or tables that somebody changed.
        raise no_answer(error, address) from error
    finally:
        await engine.dispose()


async def _connect(engine: AsyncEngine, address: Address) -> AsyncConnection:
    try:
        return await engine.connect()
    except Exception as error:
        raise no_answer(error, address) from error


async def hold(connection: AsyncConnection, address: Address, what: str, seconds: float) -> bool:
    """Hold the database's lock for `what` until the connection is closed, so that a process that dies lets go of it.

    False where another one holds it for longer.
    """
    number = _lock(address, what)
    if address.family == "postgresql":
        await connection.exec_driver_sql(f"SET lock_timeout = {seconds * 1000:.0f}")
        try:
            await connection.execute(select(func.pg_advisory_lock(int(number, 16))))
        except DBAPIError as error:
            if code_of(error) != _LOCK_NOT_AVAILABLE:
                raise
            await connection.rollback()
            return False
        taken = True
    else:
        taken = await connection.scalar(select(func.get_lock(number, seconds))) == 1
    await connection.commit()
    return taken


def _lock(address: Address, what: str) -> str:
    return hashlib.sha256(f"headworks {what} {address.database}".encode()).hexdigest()[:15]


@asynccontextmanager
async def _alone(connection: AsyncConnection, address: Address, limits: Limits) -> AsyncIterator[None]:
    """Hold the database's migration lock. Raises DatabaseUnavailable when another one does for longer than a statement may take."""
    if not await hold(connection, address, "migrates", limits.statement_seconds):
        raise DatabaseUnavailable(f"Another process is migrating {address}, and has not come to an end in time.")
    try:
        yield
    finally:
        await connection.rollback()
        number = _lock(address, "migrates")
        postgresql = address.family == "postgresql"
        give = func.pg_advisory_unlock(int(number, 16)) if postgresql else func.release_lock(number)
        await connection.execute(select(give))
        await connection.commit()
