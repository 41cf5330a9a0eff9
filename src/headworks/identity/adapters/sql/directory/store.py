"""All of one organisation's directory, its tokens among it, on one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select, update

from headworks.identity.adapters.directory_tables import directories, directory_tokens
from headworks.identity.adapters.sql.directory.groups import SqlDirectoryGroups
from headworks.identity.adapters.sql.directory.people import SqlDirectoryPeople
from headworks.identity.adapters.sql.statements import Sorting, columns_of, read_one, read_page, value_of
from headworks.identity.contracts import Directory, DirectoryToken
from headworks.kernel.errors import Stale
from headworks.kernel.sorting import Order

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.pagination import Page, PageRequest

_COLUMNS = directory_tokens.c
_SORTING = Sorting(
    {name: _COLUMNS[name] for name in ("name", "created_at")},
    _COLUMNS.id,
    (Order("created_at", descending=True),),
)


class SqlDirectoryTokens:
    """`ports.DirectoryTokens`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = _COLUMNS.organization_id == organization_id
        self._own = select(directory_tokens).where(self._within)

    async def page(self, page: PageRequest) -> Page[DirectoryToken]:
        """See `ports.DirectoryTokens`."""
        return await read_page(self._connection, self._own, page, _token, _SORTING)

    async def get(self, token_id: str) -> DirectoryToken | None:
        """See `ports.DirectoryTokens`."""
        return await read_one(self._connection, self._own.where(_COLUMNS.id == token_id), _token)

    async def add(self, token: DirectoryToken) -> None:
        """See `ports.DirectoryTokens`."""
        await self._connection.execute(insert(directory_tokens).values(columns_of(token)))

    async def replace(self, token: DirectoryToken) -> None:
        """See `ports.DirectoryTokens`."""
        this = update(directory_tokens).where(self._within, _COLUMNS.id == token.id)
        await self._connection.execute(this.values(columns_of(token)))


class SqlDirectory:
    """`ports.DirectoryStore`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._within = directories.c.organization_id == organization_id
        self.people = SqlDirectoryPeople(connection, organization_id)
        self.groups = SqlDirectoryGroups(connection, organization_id)
        self.tokens = SqlDirectoryTokens(connection, organization_id)

    async def directory(self) -> Directory:
        """See `ports.DirectoryStore`."""
        wanted = select(directories).where(self._within)
        found = await read_one(self._connection, wanted, lambda row: value_of(Directory, row))
        return found or Directory(self._organization_id)

    async def put_directory(self, directory: Directory) -> None:
        """See `ports.DirectoryStore`."""
        known = await self._connection.scalar(select(directories.c.version).where(self._within))
        # There is no row before the first change; those who make one take turns, so two never add it.
        if (known or 1) != directory.version - 1:
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )
        change = insert(directories) if known is None else update(directories).where(self._within)
        await self._connection.execute(change.values(columns_of(directory)))


async def directory_token_by_hash(connection: AsyncConnection, token_hash: str) -> DirectoryToken | None:
    """See `ports.Overview`."""
    return await read_one(connection, select(directory_tokens).where(_COLUMNS.token_hash == token_hash), _token)


async def record_directory_use(connection: AsyncConnection, token_id: str, at: datetime) -> None:
    """See `ports.Installation`."""
    earlier = or_(_COLUMNS.last_used_at.is_(None), _COLUMNS.last_used_at < at)
    await connection.execute(update(directory_tokens).where(_COLUMNS.id == token_id, earlier).values(last_used_at=at))


def _token(row: RowMapping) -> DirectoryToken:
    return value_of(DirectoryToken, row)
