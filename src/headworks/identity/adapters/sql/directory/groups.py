"""Groups of one organisation's directory, and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from headworks.identity.adapters.directory_tables import directory_group_members, directory_groups
from headworks.identity.adapters.sql.statements import (
    Sorting,
    columns_of,
    read_one,
    read_page,
    replace_row,
    value_of,
)
from headworks.identity.contracts import DirectoryGroup
from headworks.kernel.sorting import Order

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.ports import Named
    from headworks.kernel.pagination import Page, PageRequest

_COLUMNS = directory_groups.c
_LINKS = directory_group_members.c
_SORTING = Sorting(
    {name: _COLUMNS[name] for name in ("name", "created_at")},
    _COLUMNS.id,
    (Order("name"),),
)


class SqlDirectoryGroups:
    """`ports.DirectoryGroups`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._within = _COLUMNS.organization_id == organization_id
        self._own = select(directory_groups).where(self._within)

    async def page(self, page: PageRequest) -> Page[DirectoryGroup]:
        """See `ports.DirectoryGroups`."""
        return await read_page(self._connection, self._own, page, _group, _SORTING)

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryGroup], int]:
        """See `ports.DirectoryGroups`."""
        total = await self._connection.scalar(select(func.count()).select_from(directory_groups).where(self._within))
        wanted = self._own.order_by(_COLUMNS.created_at, _COLUMNS.id).limit(count).offset(start)
        return await self._all(wanted), int(total or 0)

    async def find(self, wanted: Named, most: int) -> list[DirectoryGroup]:
        """See `ports.DirectoryGroups`."""
        rows = self._own
        for column, value in (("id", wanted.id), ("name_key", wanted.key), ("external_id", wanted.external_id)):
            if value is not None:
                rows = rows.where(_COLUMNS[column] == value)
        return await self._all(rows.order_by(_COLUMNS.created_at, _COLUMNS.id).limit(most))

    async def get(self, group_id: str) -> DirectoryGroup | None:
        """See `ports.DirectoryGroups`."""
        return await read_one(self._connection, self._own.where(_COLUMNS.id == group_id), _group)

    async def add(self, group: DirectoryGroup) -> None:
        """See `ports.DirectoryGroups`."""
        await self._connection.execute(insert(directory_groups).values(columns_of(group)))

    async def replace(self, group: DirectoryGroup) -> None:
        """See `ports.DirectoryGroups`."""
        await replace_row(self._connection, directory_groups, columns_of(group), None, self._within)

    async def remove(self, group_id: str) -> None:
        """See `ports.DirectoryGroups`."""
        links = _LINKS.organization_id == self._organization_id, _LINKS.group_id == group_id
        await self._connection.execute(delete(directory_group_members).where(*links))
        await self._connection.execute(delete(directory_groups).where(self._within, _COLUMNS.id == group_id))

    async def members(self, group_ids: Collection[str] | None) -> dict[str, list[str]]:
        """See `ports.DirectoryGroups`."""
        wanted = select(_LINKS.group_id, _LINKS.person_id).where(_LINKS.organization_id == self._organization_id)
        if group_ids is not None:
            wanted = wanted.where(_LINKS.group_id.in_(group_ids))
        found: dict[str, list[str]] = {}
        for row in await self._connection.execute(wanted.order_by(_LINKS.person_id)):
            found.setdefault(row.group_id, []).append(row.person_id)
        return found

    async def of_people(self, person_ids: Collection[str] | None) -> dict[str, list[DirectoryGroup]]:
        """See `ports.DirectoryGroups`."""
        wanted = self._own.add_columns(_LINKS.person_id.label("person_id")).join(
            directory_group_members, _LINKS.group_id == _COLUMNS.id
        )
        if person_ids is not None:
            wanted = wanted.where(_LINKS.person_id.in_(person_ids))
        found: dict[str, list[DirectoryGroup]] = {}
        for row in (await self._connection.execute(wanted.order_by(_COLUMNS.created_at, _COLUMNS.id))).mappings():
            found.setdefault(row["person_id"], []).append(_group(row))
        return found

    async def join(self, group_id: str, person_ids: Sequence[str]) -> None:
        """See `ports.DirectoryGroups`."""
        place = {"organization_id": self._organization_id, "group_id": group_id}
        if person_ids:
            rows = [place | {"person_id": person_id} for person_id in person_ids]
            await self._connection.execute(insert(directory_group_members), rows)

    async def leave(self, group_id: str, person_ids: Sequence[str]) -> None:
        """See `ports.DirectoryGroups`."""
        links = _LINKS.organization_id == self._organization_id, _LINKS.group_id == group_id
        await self._connection.execute(delete(directory_group_members).where(*links, _LINKS.person_id.in_(person_ids)))

    async def _all(self, wanted: Select[tuple[object, ...]]) -> list[DirectoryGroup]:
        return [_group(row) for row in (await self._connection.execute(wanted)).mappings()]


def _group(row: RowMapping) -> DirectoryGroup:
    return value_of(DirectoryGroup, row)
