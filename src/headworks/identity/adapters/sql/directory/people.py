"""People of one organisation's directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from headworks.identity.adapters.directory_tables import directory_people
from headworks.identity.adapters.sql.statements import add_rows, columns_of, read_one, replace_row, value_of
from headworks.identity.contracts import DirectoryPerson
from headworks.identity.errors import DirectoryNameInUse

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.ports import Named

_COLUMNS = directory_people.c


class SqlDirectoryPeople:
    """`ports.DirectoryPeople`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = _COLUMNS.organization_id == organization_id
        self._own = select(directory_people).where(self._within)

    async def stretch(self, start: int, count: int) -> tuple[list[DirectoryPerson], int]:
        """See `ports.DirectoryPeople`."""
        total = await self._connection.scalar(select(func.count()).select_from(directory_people).where(self._within))
        wanted = self._own.order_by(_COLUMNS.created_at, _COLUMNS.id).limit(count).offset(start)
        return await self._all(wanted), int(total or 0)

    async def find(self, wanted: Named, most: int) -> list[DirectoryPerson]:
        """See `ports.DirectoryPeople`."""
        rows = self._own
        for column, value in (("id", wanted.id), ("user_name_key", wanted.key), ("external_id", wanted.external_id)):
            if value is not None:
                rows = rows.where(_COLUMNS[column] == value)
        return await self._all(rows.order_by(_COLUMNS.created_at, _COLUMNS.id).limit(most))

    async def get(self, person_id: str) -> DirectoryPerson | None:
        """See `ports.DirectoryPeople`."""
        return await read_one(self._connection, self._own.where(_COLUMNS.id == person_id), _person)

    async def of_user(self, user_id: str) -> DirectoryPerson | None:
        """See `ports.DirectoryPeople`."""
        return await read_one(self._connection, self._own.where(_COLUMNS.user_id == user_id), _person)

    async def of_each(self, person_ids: Collection[str]) -> list[DirectoryPerson]:
        """See `ports.DirectoryPeople`."""
        return await self._all(self._own.where(_COLUMNS.id.in_(person_ids)).order_by(_COLUMNS.id))

    async def add(self, person: DirectoryPerson) -> None:
        """See `ports.DirectoryPeople`."""
        await add_rows(self._connection, directory_people, [columns_of(person)], _taken(person))

    async def replace(self, person: DirectoryPerson) -> None:
        """See `ports.DirectoryPeople`."""
        await replace_row(self._connection, directory_people, columns_of(person), _taken(person), self._within)

    async def remove(self, person_id: str) -> None:
        """See `ports.DirectoryPeople`."""
        await self._connection.execute(delete(directory_people).where(self._within, _COLUMNS.id == person_id))

    async def _all(self, wanted: Select[tuple[object, ...]]) -> list[DirectoryPerson]:
        return [_person(row) for row in (await self._connection.execute(wanted)).mappings()]


def _person(row: RowMapping) -> DirectoryPerson:
    return value_of(DirectoryPerson, row)


def _taken(person: DirectoryPerson) -> DirectoryNameInUse:
    return DirectoryNameInUse(
        f"There is somebody with the user name {person.user_name!r}, or with that account, already."
    )
