"""Groups of one organisation's directory, and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, replace

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import DirectoryGroup
    from headworks.identity.ports import Named
    from headworks.kernel.pagination import Page, PageRequest


class MemoryDirectoryGroups:
    """`ports.DirectoryGroups`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.directory_groups
        self._links = tables.directory_group_members
        self._organization_id = organization_id

    async def page(self, page: PageRequest) -> Page[DirectoryGroup]:
        """See `ports.DirectoryGroups`."""
        return page_of(self._own(), page, "name")

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryGroup], int]:
        """See `ports.DirectoryGroups`."""
        own = self._own()
        return own[start : start + count], len(own)

    async def find(self, wanted: Named, most: int) -> list[DirectoryGroup]:
        """See `ports.DirectoryGroups`."""
        return [
            one
            for one in self._own()
            if wanted.id in (None, one.id)
            and wanted.key in (None, one.name_key)
            and wanted.external_id in (None, one.external_id)
        ][:most]

    async def get(self, group_id: str) -> DirectoryGroup | None:
        """See `ports.DirectoryGroups`."""
        return next((one for one in self._own() if one.id == group_id), None)

    async def add(self, group: DirectoryGroup) -> None:
        """See `ports.DirectoryGroups`."""
        self._table[group.id] = group

    async def replace(self, group: DirectoryGroup) -> None:
        """See `ports.DirectoryGroups`."""
        replace(self._table, group)

    async def remove(self, group_id: str) -> None:
        """See `ports.DirectoryGroups`."""
        if await self.get(group_id) is not None:
            del self._table[group_id]
            self._links.difference_update({link for link in self._links if link[0] == group_id})

    async def members(self, group_ids: Collection[str] | None) -> dict[str, list[str]]:
        """See `ports.DirectoryGroups`."""
        own = {one.id for one in self._own() if group_ids is None or one.id in group_ids}
        found: dict[str, list[str]] = {}
        for group_id, person_id in sorted(self._links):
            if group_id in own:
                found.setdefault(group_id, []).append(person_id)
        return found

    async def of_people(self, person_ids: Collection[str] | None) -> dict[str, list[DirectoryGroup]]:
        """See `ports.DirectoryGroups`."""
        found: dict[str, list[DirectoryGroup]] = {}
        for group in self._own():
            for group_id, person_id in self._links:
                if group_id == group.id and (person_ids is None or person_id in person_ids):
                    found.setdefault(person_id, []).append(group)
        return found

    async def join(self, group_id: str, person_ids: Sequence[str]) -> None:
        """See `ports.DirectoryGroups`."""
        self._links.update((group_id, person_id) for person_id in person_ids)

    async def leave(self, group_id: str, person_ids: Sequence[str]) -> None:
        """See `ports.DirectoryGroups`."""
        if await self.get(group_id) is not None:
            self._links.difference_update((group_id, person_id) for person_id in person_ids)

    def _own(self) -> list[DirectoryGroup]:
        own = (one for one in self._table.values() if one.organization_id == self._organization_id)
        return sorted(own, key=lambda one: (one.created_at, one.id))
