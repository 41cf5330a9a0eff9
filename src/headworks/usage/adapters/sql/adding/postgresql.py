"""PostgreSQL: a column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Boolean, Integer
from sqlalchemy.dialects import postgresql

from headworks.usage.adapters.sql.adding.statements import COLUMNS, INTO, ONCE, SUMMED, adding_up, into, values
from headworks.usage.adapters.tables import events, rejected, rollups
from headworks.usage.ports import AlreadyThere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.types import TypeEngine

    from headworks.usage.adapters.sql.adding.statements import Numbers
    from headworks.usage.domain.rows import Row


class PostgresqlAdding:
    """A column at a time, as arrays: one prepared statement for any number of rows."""

    def __init__(self) -> None:
        arrays = ", ".join(f"${number}::{_array(events.c[name].type)}" for number, name in enumerate(COLUMNS, 1))
        self._statement = f"{INTO}SELECT * FROM unnest({arrays}){ONCE}"  # noqa: S608 - names of ours
        numbers = ", ".join(f"${number}::bigint[]" for number in range(1, len(SUMMED) + 1))
        self._sums = {
            table.name: f"{into(table)}SELECT * FROM unnest({numbers}){adding_up(table)}"  # noqa: S608 - as above
            for table in rollups.values()
        }
        self.put_aside: Insert = self.unless_there(rejected)

    def unless_there(self, table: Table) -> Insert:
        """See `Adding`."""
        return postgresql.insert(table).on_conflict_do_nothing()

    async def add_rows(self, connection: AsyncConnection, rows: Sequence[Row], numbers: Numbers) -> None:
        """See `Adding`."""
        columns = tuple(map(list, zip(*values(rows, numbers), strict=True)))
        added = await connection.exec_driver_sql(self._statement, columns)
        if added.rowcount != len(rows):
            raise AlreadyThere

    async def add_sums(self, connection: AsyncConnection, table: Table, sums: Sequence[tuple[int, ...]]) -> None:
        """See `Adding`. Rows are locked in the order of the arrays."""
        columns = tuple(map(list, zip(*sums, strict=True)))
        await connection.exec_driver_sql(self._sums[table.name], columns)


def _array(kind: TypeEngine[object]) -> str:
    """How a column's values travel; how long a text may be, and how large a number, is for the table to say."""
    if isinstance(kind, Boolean):
        return "boolean[]"
    return "bigint[]" if isinstance(kind, Integer) else "text[]"
