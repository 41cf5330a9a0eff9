"""All of one organisation's directory, its tokens among it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.directory.groups import MemoryDirectoryGroups
from headworks.identity.adapters.memory.directory.people import MemoryDirectoryPeople
from headworks.identity.adapters.memory.tables import page_of
from headworks.identity.contracts import Directory
from headworks.kernel.errors import Stale

if TYPE_CHECKING:
    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import DirectoryToken
    from headworks.kernel.pagination import Page, PageRequest


class MemoryDirectoryTokens:
    """`ports.DirectoryTokens`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.directory_tokens
        self._organization_id = organization_id

    async def page(self, page: PageRequest) -> Page[DirectoryToken]:
        """See `ports.DirectoryTokens`."""
        return page_of(self._own(), page, "-created_at")

    async def get(self, token_id: str) -> DirectoryToken | None:
        """See `ports.DirectoryTokens`."""
        return next((one for one in self._own() if one.id == token_id), None)

    async def add(self, token: DirectoryToken) -> None:
        """See `ports.DirectoryTokens`."""
        self._table[token.id] = token

    async def replace(self, token: DirectoryToken) -> None:
        """See `ports.DirectoryTokens`."""
        if await self.get(token.id) is not None:
            self._table[token.id] = token

    def _own(self) -> list[DirectoryToken]:
        return [one for one in self._table.values() if one.organization_id == self._organization_id]


class MemoryDirectory:
    """`ports.DirectoryStore`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.directories
        self._organization_id = organization_id
        self.people = MemoryDirectoryPeople(tables, organization_id)
        self.groups = MemoryDirectoryGroups(tables, organization_id)
        self.tokens = MemoryDirectoryTokens(tables, organization_id)

    async def directory(self) -> Directory:
        """See `ports.DirectoryStore`."""
        return self._table.get(self._organization_id, Directory(self._organization_id))

    async def put_directory(self, directory: Directory) -> None:
        """See `ports.DirectoryStore`."""
        if (await self.directory()).version != directory.version - 1:
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )
        self._table[self._organization_id] = directory
