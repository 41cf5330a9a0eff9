"""A connection, and the organisation that every statement on it bears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import select

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.ledger.ports import Records

    AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

MOST_ASKED = 500
"""Values in one statement: databases have a largest number of them."""


class Bound:
    """What the parts of a reading share."""

    def __init__(self, connection: AsyncConnection, organization_id: str, records: Records) -> None:
        """`records` are usage's, on the same connection and of the same organisation."""
        self.connection = connection
        self.organization_id = organization_id
        self.records = records

    def mine(self, table: Table, *columns: Any) -> AnySelect:  # noqa: ANN401 - columns of any kind
        """A select of the organisation's rows."""
        return select(*(columns or (table,))).where(table.c.organization_id == self.organization_id)

    async def rows(self, statement: AnySelect) -> list[RowMapping]:
        """All of them."""
        return list((await self.connection.execute(statement)).mappings())
