"""The second wall between organisations: PostgreSQL's row-level security. The first is that every statement of a store names its own.

A connection says in one setting what it may see, and a policy of each table holds it to that, whatever its statements forget. SQLite,
MariaDB and MySQL have no such thing, and are told nothing. See docs/decisions/0024-row-level-security.md.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import DDL, event, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from sqlalchemy import Connection, MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.pool import ConnectionPoolEntry
    from sqlalchemy.schema import ExecutableDDLElement

Sight: TypeAlias = str
"""Whose rows are seen: an organisation's id, or EVERYTHING."""

EVERYTHING: Final[Sight] = "*"
NOTHING: Final[Sight] = "-"
"""What our connections see until they are told. One that knows no such setting sees everything: the version before this one, a
migration, pg_dump. So does an empty one, since PostgreSQL makes it empty when a session is reset."""
SETTING: Final = "headworks.organization"

_TO_THE_END: Final = f"set_config('{SETTING}', $1, true)"
_FROM_NOW_ON: Final = f"SELECT set_config('{SETTING}', $1, false)"
_SEES: Final = "headworks_sees"
"""In the pool, of each connection: what it was told last."""
_OWN: Final = "headworks_own"
_SHARED: Final = "headworks_shared"


def are_passed(connection: Connection) -> bool:
    """Whether no wall holds this role: a superuser, or one with BYPASSRLS."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.scalar(text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")))


def remember(entry: ConnectionPoolEntry, sight: Sight) -> None:
    """Note what a connection was told."""
    entry.info[_SEES] = sight


async def turn_to(connection: AsyncConnection, sight: Sight) -> None:
    """Let a connection that commits each statement see that from now on: a round trip, unless it was told so before."""
    if connection.dialect.name != "postgresql" or connection.info.get(_SEES) == sight:
        return
    # Whoever is cut off in between leaves a connection of which nobody knows what it sees.
    connection.info.pop(_SEES, None)
    await connection.exec_driver_sql(_FROM_NOW_ON, (_named(sight),))
    connection.info[_SEES] = sight


async def begin(connection: AsyncConnection, sight: Sight, lock: str = "") -> None:
    """Let the transaction that is open see that until it ends. In the same round trip `lock`, as in `FROM … FOR UPDATE`, is waited for."""
    await connection.exec_driver_sql(f"SELECT {_TO_THE_END}{lock}", (_named(sight),))
    connection.info[_SEES] = sight


async def overlook(connection: AsyncConnection) -> None:
    """From here to its end, let a transaction see everything."""
    if connection.info.get(_SEES, EVERYTHING) != EVERYTHING:
        await begin(connection, EVERYTHING)


@asynccontextmanager
async def beyond(connection: AsyncConnection) -> AsyncIterator[None]:
    """Within a transaction, see everything for a block: for what holds among all organisations, as that no two have the same key."""
    before = connection.info.get(_SEES, EVERYTHING)
    await overlook(connection)
    yield
    # Not after a failure: what comes next is the end of the transaction.
    if before != EVERYTHING:
        await begin(connection, before)


def _named(sight: Sight) -> str:
    """Whoever asks for nobody in particular sees nothing, rather than everything."""
    return sight or NOTHING


def wall_off(metadata: MetaData, shared: Collection[str] = (), **columns: str) -> None:
    """Build a wall with every table that has an `organization_id`, and with those whose other column says whose a row is.

    What belongs to one of `shared` can be read by each organisation. Call it when the tables are there; on PostgreSQL they are
    made with it, and migrations build it by `migrations.steps`.
    """
    for table in metadata.tables.values():
        column = columns.get(table.name, "organization_id")
        for statement in building(table.name, column, shared) if column in table.c else ():
            ddl: ExecutableDDLElement = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect="postgresql"))


def building(table: str, column: str, shared: Collection[str] = ()) -> Iterator[str]:
    """The statements. Each SELECT in brackets is evaluated once for a statement, and not for each row."""
    setting = f"current_setting('{SETTING}', true)"
    # A truth that is asked for once: as a comparison in each row it would be guessed to let hardly a row through, and plans
    # over everything would be made for a handful of rows.
    everything = f"(SELECT coalesce({setting}, '') IN ('', '{EVERYTHING}'))"
    # The role owns its tables: FORCE holds it to them nevertheless.
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY {_OWN} ON {table} USING ({everything} OR {column} = (SELECT {setting}))"
    if shared:
        names = ", ".join(f"'{name}'" for name in sorted(shared))
        told = f"(SELECT {setting} <> '{NOTHING}')"
        yield f"CREATE POLICY {_SHARED} ON {table} FOR SELECT USING ({column} IN ({names}) AND {told})"


def removing(table: str) -> Iterator[str]:
    """The statements that take it away again."""
    yield f"DROP POLICY IF EXISTS {_OWN} ON {table}"
    yield f"DROP POLICY IF EXISTS {_SHARED} ON {table}"
    yield f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"
