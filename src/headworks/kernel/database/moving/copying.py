"""Copying a table into another database, a batch in each transaction. What is there already says where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, insert, select, text
from sqlalchemy.exc import DBAPIError

from headworks.kernel.database.failures import is_about_rows
from headworks.kernel.database.moving.rows import Row, at, behind, key_of, last_key, named
from headworks.kernel.database.moving.stored import stored
from headworks.kernel.database.walls import EVERYTHING
from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database.database import Database

_COPIED: Final = "headworks_copied"


class RowRefused(HeadworksError):
    """The server does not take what is in a row."""

    code = "store_row_refused"
    title = "A row cannot be kept there"


async def copy(source: Database, target: Database, table: Table, batch: int, advance: Callable[[int], None]) -> None:
    """Behind the last row of the target, which a copy of before may have left there; `advance` hears of each batch.

    Raises ForeignValue, RowRefused, DatabaseUnavailable.
    """
    plain = stored(table)
    key = await last_key(target, plain)
    while rows := await behind(source, plain, key, batch):
        await _add_all(target, plain, rows)
        key = key_of(plain, rows[-1])
        advance(len(rows))
    await _continue_numbers(target, table)


async def is_ours(source: Database, target: Database, table: Table) -> bool:
    """Whether the last row of the target may be one that was copied: the whole is compared in the end."""
    plain = stored(table)
    key = await last_key(target, plain)
    return key is None or await at(source, plain, key) == await at(target, plain, key)


async def _add_all(target: Database, table: Table, rows: Sequence[Row]) -> None:
    try:
        async with target.transaction(EVERYTHING) as connection:
            await _add(connection, table, rows)
    except DBAPIError as error:
        if not is_about_rows(error):
            raise
        raise await _refusal(target, table, rows) from error


async def _add(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    names = [one.name for one in table.columns]
    if connection.dialect.name == "postgresql":
        from headworks.kernel.database.postgresql import copy_rows  # noqa: PLC0415 - a driver that not everybody has

        # A table with a wall takes no COPY, whoever sends it, so that rows come by one without.
        await connection.exec_driver_sql(f"CREATE TEMP TABLE {_COPIED} (LIKE {table.name}) ON COMMIT DROP")
        await copy_rows(connection, _COPIED, names, rows)
        copied: Any = select(*map(column, names)).select_from(text(_COPIED))
        await connection.execute(insert(table).from_select(names, copied))
    else:
        await connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


async def _refusal(target: Database, table: Table, rows: Sequence[Row]) -> RowRefused:
    """Which row it is, found by trying each."""
    for row in rows:
        why = await _refuses(target, table, row)
        if why:
            return RowRefused(f"{named(table, key_of(table, row))} cannot be kept by that server: {why}.")
    return RowRefused(f"Rows of {table.name} cannot be kept by that server together.")


async def _refuses(target: Database, table: Table, row: Row) -> str:
    """Why; nothing where it takes it. Nothing is kept."""
    try:
        async with target.transaction(EVERYTHING) as connection:
            await _add(connection, table, [row])
            await connection.rollback()
    except DBAPIError as error:
        return str(error.orig).partition("\n")[0].removesuffix(".")
    return ""


async def _continue_numbers(target: Database, table: Table) -> None:
    """Numbers that the database gives go on behind the largest. MariaDB and MySQL see to it by themselves."""
    number: Any = table.autoincrement_column
    if number is None:
        return
    async with target.transaction(EVERYTHING) as connection:
        if connection.dialect.name != "postgresql":
            return
        # The names are ours. Without a row the first number is the next.
        largest = f"max({number.name})"
        statement = (
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{number.name}'), coalesce({largest}, 1), "  # noqa: S608
            f"{largest} IS NOT NULL) FROM {table.name}"
        )
        await connection.execute(text(statement))
