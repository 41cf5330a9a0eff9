"""Users of the installation, and members of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from headworks.identity.adapters.sql.statements import (
    Sorting,
    add_rows,
    columns_of,
    read_one,
    read_page,
    replace_row,
    value_of,
)
from headworks.identity.adapters.tables import memberships, organizations, users
from headworks.identity.contracts import Member, Membership, User
from headworks.identity.errors import AlreadyMember, EmailInUse
from headworks.kernel.sorting import Order

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.ports import UserFilter
    from headworks.kernel.pagination import Page, PageRequest

_MEMBERS = select(memberships, *(users.c[name].label(f"their_{name}") for name in User.__slots__)).join(
    users, users.c.id == memberships.c.user_id
)

_USERS = Sorting(
    {name: users.c[name] for name in ("email", "name", "state", "created_at")}, users.c.id, (Order("created_at"),)
)
_MEMBERSHIPS = Sorting(
    {
        "email": users.c.email,
        "name": users.c.name,
        "role": memberships.c.role,
        "created_at": memberships.c.created_at,
    },
    memberships.c.id,
    (Order("created_at"),),
)


class SqlUsers:
    """`ports.Users`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """See `ports.Users`."""
        rows = select(users)
        if wanted.state is not None:
            rows = rows.where(users.c.state == wanted.state)
        if wanted.email_key is not None:
            rows = rows.where(users.c.email_key == wanted.email_key)
        return await read_page(self._connection, rows, page, _user, _USERS)

    async def get(self, user_id: str) -> User | None:
        """See `ports.Users`."""
        return await read_one(self._connection, select(users).where(users.c.id == user_id), _user)

    async def by_email(self, email_key: str) -> User | None:
        """See `ports.Users`."""
        return await read_one(self._connection, select(users).where(users.c.email_key == email_key), _user)

    async def operators(self) -> list[User]:
        """See `ports.Users`."""
        wanted = select(users).where(users.c.is_operator, users.c.state == "active").order_by(users.c.id)
        return [_user(row) for row in (await self._connection.execute(wanted.with_for_update())).mappings()]

    async def memberships(self, user_id: str) -> list[Membership]:
        """See `ports.Users`."""
        wanted = (
            select(memberships)
            .join(organizations, organizations.c.id == memberships.c.organization_id)
            .where(memberships.c.user_id == user_id, organizations.c.state == "active")
            .order_by(memberships.c.created_at, memberships.c.id)
        )
        return [_membership(row) for row in (await self._connection.execute(wanted)).mappings()]

    async def belongs_elsewhere(self, user_id: str, organization_id: str) -> bool:
        """See `ports.Users`."""
        other = memberships.c.user_id == user_id, memberships.c.organization_id != organization_id
        return await self._connection.scalar(select(memberships.c.id).where(*other).limit(1)) is not None

    async def add(self, user: User) -> None:
        """See `ports.Users`."""
        await add_rows(self._connection, users, [columns_of(user)], _email_in_use(user))

    async def replace(self, user: User) -> None:
        """See `ports.Users`."""
        await replace_row(self._connection, users, columns_of(user), _email_in_use(user))


class SqlMembers:
    """`ports.Members`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = memberships.c.organization_id == organization_id
        self._own = _MEMBERS.where(self._within)

    async def page(self, page: PageRequest) -> Page[Member]:
        """See `ports.Members`."""
        return await read_page(self._connection, self._own, page, _member, _MEMBERSHIPS)

    async def get(self, membership_id: str) -> Member | None:
        """See `ports.Members`."""
        return await read_one(self._connection, self._own.where(memberships.c.id == membership_id), _member)

    async def of_user(self, user_id: str) -> Member | None:
        """See `ports.Members`."""
        return await read_one(self._connection, self._own.where(memberships.c.user_id == user_id), _member)

    async def of_users(self, user_ids: Collection[str]) -> dict[str, Member]:
        """See `ports.Members`."""
        rows = (await self._connection.execute(self._own.where(memberships.c.user_id.in_(user_ids)))).mappings()
        return {row["user_id"]: _member(row) for row in rows}

    async def of_email(self, email_key: str) -> Member | None:
        """See `ports.Members`."""
        return await read_one(self._connection, self._own.where(users.c.email_key == email_key), _member)

    async def admins(self) -> list[Member]:
        """See `ports.Members`."""
        wanted = self._own.where(memberships.c.role == "admin", users.c.state == "active").order_by(memberships.c.id)
        return [_member(row) for row in (await self._connection.execute(wanted.with_for_update())).mappings()]

    async def add(self, membership: Membership) -> None:
        """See `ports.Members`."""
        there = AlreadyMember("They belong to the organisation already; change their role instead.")
        await add_rows(self._connection, memberships, [columns_of(membership)], there)

    async def replace(self, membership: Membership) -> None:
        """See `ports.Members`."""
        await replace_row(self._connection, memberships, columns_of(membership), None, self._within)

    async def remove(self, membership_id: str) -> None:
        """See `ports.Members`."""
        await self._connection.execute(delete(memberships).where(self._within, memberships.c.id == membership_id))


def _user(row: RowMapping) -> User:
    return value_of(User, row)


def _membership(row: RowMapping) -> Membership:
    return value_of(Membership, row)


def _member(row: RowMapping) -> Member:
    return Member(_membership(row), User(**{name: row[f"their_{name}"] for name in User.__slots__}))


def _email_in_use(user: User) -> EmailInUse:
    return EmailInUse(f"There is a user with the email address {user.email} already.")
