"""PostgreSQL: records by `COPY`, and sums a column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database import is_duplicate
from headworks.kernel.database.postgresql import copy_rows
from headworks.usage.adapters.sql.adding.statements import COLUMNS, SUMMED, adding_up, into, values
from headworks.usage.adapters.tables import events, rejected, rollups
from headworks.usage.ports import AlreadyThere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.adapters.sql.adding.statements import Numbers
    from headworks.usage.domain.rows import Row


class PostgresqlAdding:
    """Sums go a column at a time, as arrays: one prepared statement for any number of them."""

    def __init__(self) -> None:
        numbers = ", ".join(f"${number}::bigint[]" for number in range(1, len(SUMMED) + 1))
        self._sums = {
            table.name: f"{into(table)}SELECT * FROM unnest({numbers}){adding_up(table)}"  # noqa: S608 - names of ours
            for table in rollups.values()
        }
        self.put_aside: Insert = self.unless_there(rejected)

    def unless_there(self, table: Table) -> Insert:
        """See `Adding`."""
        return postgresql.insert(table).on_conflict_do_nothing()

    async def add_rows(self, connection: AsyncConnection, rows: Sequence[Row], numbers: Numbers) -> None:
        """See `Adding`. A record that is there already is an error, which ends the transaction: it is begun anew without."""
        try:
            await copy_rows(connection, events.name, COLUMNS, values(rows, numbers))
        except IntegrityError as error:
            if is_duplicate(error):
                raise AlreadyThere from error
            raise

    async def add_sums(self, connection: AsyncConnection, table: Table, sums: Sequence[tuple[int, ...]]) -> None:
        """See `Adding`. Rows are locked in the order of the arrays."""
        columns = tuple(map(list, zip(*sums, strict=True)))
        await connection.exec_driver_sql(self._sums[table.name], columns)
