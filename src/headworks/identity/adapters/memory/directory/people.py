"""People of one organisation's directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import refuse_twins, replace
from headworks.identity.errors import DirectoryNameInUse

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import DirectoryPerson
    from headworks.identity.ports import Named


class MemoryDirectoryPeople:
    """`ports.DirectoryPeople`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.directory_people
        self._organization_id = organization_id

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryPerson], int]:
        """See `ports.DirectoryPeople`."""
        own = self._own()
        return own[start : start + count], len(own)

    async def find(self, wanted: Named, most: int) -> list[DirectoryPerson]:
        """See `ports.DirectoryPeople`."""
        return [
            one
            for one in self._own()
            if wanted.id in (None, one.id)
            and wanted.key in (None, one.user_name_key)
            and wanted.external_id in (None, one.external_id)
        ][:most]

    async def get(self, person_id: str) -> DirectoryPerson | None:
        """See `ports.DirectoryPeople`."""
        return next((one for one in self._own() if one.id == person_id), None)

    async def of_user(self, user_id: str) -> DirectoryPerson | None:
        """See `ports.DirectoryPeople`."""
        return next((one for one in self._own() if one.user_id == user_id), None)

    async def of_each(self, person_ids: Collection[str]) -> list[DirectoryPerson]:
        """See `ports.DirectoryPeople`."""
        return sorted((one for one in self._own() if one.id in person_ids), key=lambda one: one.id)

    async def add(self, person: DirectoryPerson) -> None:
        """See `ports.DirectoryPeople`."""
        self._refuse_twins(person)
        self._table[person.id] = person

    async def replace(self, person: DirectoryPerson) -> None:
        """See `ports.DirectoryPeople`."""
        self._refuse_twins(person)
        replace(self._table, person)

    async def remove(self, person_id: str) -> None:
        """See `ports.DirectoryPeople`."""
        if await self.get(person_id) is not None:
            del self._table[person_id]

    def _own(self) -> list[DirectoryPerson]:
        own = (one for one in self._table.values() if one.organization_id == self._organization_id)
        return sorted(own, key=lambda one: (one.created_at, one.id))

    def _refuse_twins(self, person: DirectoryPerson) -> None:
        there = DirectoryNameInUse(
            f"There is somebody with the user name {person.user_name!r}, or with that account, already."
        )
        refuse_twins(self._table, person, lambda one: (one.organization_id, one.user_name_key), there)
        refuse_twins(self._table, person, lambda one: (one.organization_id, one.user_id), there)
