"""Users of the installation, and members of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, refuse_twins, replace
from headworks.identity.contracts import Member
from headworks.identity.errors import AlreadyMember, EmailInUse

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import Membership, User
    from headworks.identity.ports import UserFilter
    from headworks.kernel.pagination import Page, PageRequest


class MemoryUsers:
    """`ports.Users`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """See `ports.Users`."""
        found = [
            user
            for user in sorted(self._tables.users.values(), key=lambda user: (user.created_at, user.id))
            if wanted.state in (None, user.state) and wanted.email_key in (None, user.email_key)
        ]
        return page_of(found, page, "created_at")

    async def get(self, user_id: str) -> User | None:
        """See `ports.Users`."""
        return self._tables.users.get(user_id)

    async def by_email(self, email_key: str) -> User | None:
        """See `ports.Users`."""
        return next((user for user in self._tables.users.values() if user.email_key == email_key), None)

    async def operators(self) -> list[User]:
        """See `ports.Users`."""
        users = sorted(self._tables.users.values(), key=lambda user: user.id)
        return [user for user in users if user.is_operator and user.state == "active"]

    async def memberships(self, user_id: str) -> list[Membership]:
        """See `ports.Users`."""
        found = [
            one
            for one in self._tables.memberships.values()
            if one.user_id == user_id and self._tables.organizations[one.organization_id].state == "active"
        ]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def belongs_elsewhere(self, user_id: str, organization_id: str) -> bool:
        """See `ports.Users`."""
        every = self._tables.memberships.values()
        return any(one.user_id == user_id and one.organization_id != organization_id for one in every)

    async def add(self, user: User) -> None:
        """See `ports.Users`."""
        self._refuse_twins(user)
        self._tables.users[user.id] = user

    async def replace(self, user: User) -> None:
        """See `ports.Users`."""
        self._refuse_twins(user)
        replace(self._tables.users, user)

    def _refuse_twins(self, user: User) -> None:
        there = EmailInUse(f"There is a user with the email address {user.email} already.")
        refuse_twins(self._tables.users, user, lambda one: one.email_key, there)


class MemoryMembers:
    """`ports.Members`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._tables = tables
        self._organization_id = organization_id

    async def page(self, page: PageRequest) -> Page[Member]:
        """See `ports.Members`."""
        return page_of(self._own(), page, "created_at", _value)

    async def get(self, membership_id: str) -> Member | None:
        """See `ports.Members`."""
        return next((one for one in self._own() if one.membership.id == membership_id), None)

    async def of_user(self, user_id: str) -> Member | None:
        """See `ports.Members`."""
        return next((one for one in self._own() if one.user.id == user_id), None)

    async def of_users(self, user_ids: Collection[str]) -> dict[str, Member]:
        """See `ports.Members`."""
        return {one.user.id: one for one in self._own() if one.user.id in user_ids}

    async def of_email(self, email_key: str) -> Member | None:
        """See `ports.Members`."""
        return next((one for one in self._own() if one.user.email_key == email_key), None)

    async def admins(self) -> list[Member]:
        """See `ports.Members`."""
        found = [one for one in self._own() if one.membership.role == "admin" and one.user.state == "active"]
        return sorted(found, key=lambda one: one.membership.id)

    async def add(self, membership: Membership) -> None:
        """See `ports.Members`."""
        there = AlreadyMember("They belong to the organisation already; change their role instead.")
        alike = self._tables.memberships
        refuse_twins(alike, membership, lambda one: (one.organization_id, one.user_id), there)
        self._tables.memberships[membership.id] = membership

    async def replace(self, membership: Membership) -> None:
        """See `ports.Members`."""
        replace(self._tables.memberships, membership)

    async def remove(self, membership_id: str) -> None:
        """See `ports.Members`."""
        if await self.get(membership_id) is not None:
            del self._tables.memberships[membership_id]

    def _own(self) -> list[Member]:
        own = [one for one in self._tables.memberships.values() if one.organization_id == self._organization_id]
        return [Member(one, self._tables.users[one.user_id]) for one in sorted(own, key=lambda o: (o.created_at, o.id))]


def _value(member: Member, field: str) -> object:
    return getattr(member.user if field in ("email", "name") else member.membership, field)
