"""MariaDB and MySQL: many rows in one statement, and duplicates as errors."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database import is_duplicate
from headworks.usage.adapters.sql.adding.statements import COLUMNS, INTO, values
from headworks.usage.adapters.tables import rejected
from headworks.usage.domain.rollups import COUNTERS
from headworks.usage.ports import AlreadyThere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.adapters.sql.adding.statements import Numbers
    from headworks.usage.domain.rows import Row


class MysqlAdding:
    """MariaDB and MySQL. A duplicate is an error: how many rows an upsert touched is not told apart there."""

    _AT_ONCE: Final = 500
    """Rows in one statement, which must fit into the server's `max_allowed_packet`: a megabyte at most."""

    def __init__(self) -> None:
        self._row = f"({', '.join(['%s'] * len(COLUMNS))})"
        self.put_aside: Insert = self.unless_there(rejected)

    def unless_there(self, table: Table) -> Insert:
        """See `Adding`. INSERT IGNORE would also cut what is too long, and say nothing."""
        column = next(iter(table.primary_key))
        return mysql.insert(table).on_duplicate_key_update({column.name: column})

    async def add_rows(self, connection: AsyncConnection, rows: Sequence[Row], numbers: Numbers) -> None:
        """See `Adding`."""
        for start in range(0, len(rows), self._AT_ONCE):
            part = rows[start : start + self._AT_ONCE]
            statement = f"{INTO}VALUES {', '.join([self._row] * len(part))}"
            try:
                await connection.exec_driver_sql(statement, tuple(chain.from_iterable(values(part, numbers))))
            except IntegrityError as error:
                if is_duplicate(error):
                    raise AlreadyThere from error
                raise

    async def add_sums(self, connection: AsyncConnection, table: Table, sums: Sequence[tuple[int, ...]]) -> None:
        """See `Adding`. The driver puts many rows into one statement; the two databases name new values differently."""
        new = mysql.insert(table)
        adding = new.on_duplicate_key_update({name: table.c[name] + new.inserted[name] for name in COUNTERS})
        await connection.exec_driver_sql(str(adding.compile(dialect=connection.dialect)), list(sums))
