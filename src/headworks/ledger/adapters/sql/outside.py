"""What the ledger's statements need of usage's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.ledger.ports import Records


class RecordTables(Protocol):
    """Usage's records, on a connection of the ledger's."""

    def of(self, connection: AsyncConnection, organization_id: str) -> Records:
        """Of one organisation."""

    async def kept_from(self, connection: AsyncConnection) -> int:
        """Since when records are kept, in UTC microseconds."""

    async def unsettled_owners(self, connection: AsyncConnection) -> list[str]:
        """Organisations with records that name no transaction."""
