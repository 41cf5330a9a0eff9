"""Statements that add to what is there, in the words of each database; the same things happen in all of them.

Rows are not bound by SQLAlchemy: that would cost more than all else that is done for an event.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.adapters.sql.adding.statements import Numbers
    from headworks.usage.domain.rows import Row


class Adding(Protocol):
    """How one database adds."""

    put_aside: Insert
    """Keeps a rejected event, unless it is there."""

    def unless_there(self, table: Table) -> Insert:
        """An insert that leaves a row which is there already as it is."""

    async def add_rows(self, connection: AsyncConnection, rows: Sequence[Row], numbers: Numbers) -> None:
        """Raises AlreadyThere."""

    async def add_sums(self, connection: AsyncConnection, table: Table, sums: Sequence[tuple[int, ...]]) -> None:
        """To roll-ups, or make them; in the order of `statements.SUMMED`, and as they come, each group's time once."""


@cache
def adding_to(dialect: str) -> Adding:
    """By the name of SQLAlchemy's dialect; that of MariaDB is MySQL's. The words of one database are loaded, not of all."""
    if dialect == "postgresql":
        from headworks.usage.adapters.sql.adding.postgresql import PostgresqlAdding  # noqa: PLC0415 - as said

        return PostgresqlAdding()
    if dialect == "mysql":
        from headworks.usage.adapters.sql.adding.mysql import MysqlAdding  # noqa: PLC0415 - as said

        return MysqlAdding()
    from headworks.usage.adapters.sql.adding.sqlite import SqliteAdding  # noqa: PLC0415 - as said

    return SqliteAdding()
