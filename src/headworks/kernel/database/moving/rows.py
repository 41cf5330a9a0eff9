"""Reading a table in the order of its key, a batch at a time: all databases sort our keys alike, byte by byte."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, func, or_, select

from headworks.kernel.database.walls import EVERYTHING
from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, ColumnElement, Table

    from headworks.kernel.database.database import Database

Row: TypeAlias = tuple[Any, ...]
"""Its values, in the order of the columns."""
Key: TypeAlias = tuple[Any, ...]


class ForeignValue(HeadworksError):
    """A file holds what its column cannot: SQLite takes anything, a server does not."""

    code = "store_foreign_value"
    title = "A row holds a value of a wrong kind"


async def behind(database: Database, table: Table, key: Key | None, limit: int) -> list[Row]:
    """The rows that follow `key`, from the first on where it is None. Raises ForeignValue, DatabaseUnavailable."""
    wanted = select(table).order_by(*table.primary_key).limit(limit)
    if key is not None:
        wanted = wanted.where(_follow(list(table.primary_key), key))
    async with database.read(EVERYTHING) as connection:
        found = await connection.execute(wanted)
        try:
            rows = [tuple(row) for row in found]
        except ValueError as error:
            days = ", ".join(column.name for column in table.columns if column.type.python_type is date)
            raise _foreign(f"{days} of {table.name}", "date") from error
    _check(table, rows)
    return rows


async def last_key(database: Database, table: Table) -> Key | None:
    """None where the table is empty."""
    columns = list(table.primary_key)
    wanted = select(*columns).order_by(*(column.desc() for column in columns)).limit(1)
    async with database.read(EVERYTHING) as connection:
        row = (await connection.execute(wanted)).first()
    return None if row is None else tuple(row)


async def at(database: Database, table: Table, key: Key) -> Row | None:
    """The row with this key."""
    columns = zip(table.primary_key, key, strict=True)
    wanted = select(table).where(*(column == value for column, value in columns))
    async with database.read(EVERYTHING) as connection:
        row = (await connection.execute(wanted)).first()
    return None if row is None else tuple(row)


async def count(database: Database, table: Table) -> int:
    """How many rows there are."""
    async with database.read(EVERYTHING) as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


def key_of(table: Table, row: Row) -> Key:
    """The values of its key."""
    return tuple(value for column, value in zip(table.columns, row, strict=True) if column.primary_key)


def named(table: Table, key: Key) -> str:
    """For people: the table, and the row's key."""
    values = ", ".join(f"{column.name} {value!r}" for column, value in zip(table.primary_key, key, strict=True))
    return f"{table.name} ({values})"


def _follow(columns: Sequence[Column[Any]], key: Key) -> ColumnElement[bool]:
    """A comparison of whole keys, which MariaDB and MySQL would not look up in the index; the first part leads into it."""
    first, *rest = columns
    later: ColumnElement[bool] = first > key[0]
    if not rest:
        return later
    return and_(first >= key[0], or_(later, _follow(rest, key[1:])))


def _check(table: Table, rows: Sequence[Row]) -> None:
    for column, values in zip(table.columns, zip(*rows, strict=True), strict=False):
        kind = column.type.python_type
        if all(value is None or type(value) is kind for value in values):
            continue
        row = next(row for row, value in zip(rows, values, strict=True) if not (value is None or type(value) is kind))
        raise _foreign(f"{column.name} of {named(table, key_of(table, row))}", kind.__name__)


def _foreign(place: str, kind: str) -> ForeignValue:
    return ForeignValue(
        f"The column {place} holds no {kind}. Nobody but Headworks should write to its files; mend the row, or restore the "
        "file from a backup."
    )
