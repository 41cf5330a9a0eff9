"""How identity's database is opened: for one organisation, or for the whole installation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from headworks.identity.adapters.sign_in.sql import SqlSignInUnit
from headworks.identity.adapters.sql import keys
from headworks.identity.adapters.sql.directory import SqlDirectory, directory_token_by_hash, record_directory_use
from headworks.identity.adapters.sql.invitations import SqlInvitations, invitation_by_token
from headworks.identity.adapters.sql.keys import SqlKeys
from headworks.identity.adapters.sql.people import SqlMembers, SqlUsers
from headworks.identity.adapters.sql.places import SqlOrganizations, SqlProjects
from headworks.identity.adapters.sql.service_accounts import SqlServiceAccounts
from headworks.identity.adapters.sql.sso import SqlSignOns, SqlSsoConnections
from headworks.identity.adapters.tables import ANNOUNCEMENTS, TRAIL
from headworks.identity.adapters.telling import Telling
from headworks.kernel.database import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.contracts import (
        DirectoryToken,
        EndReason,
        Invitation,
        KeyView,
        Organization,
        StoredPassword,
    )
    from headworks.kernel.database import Database, Sight, SqlTrailKeys
    from headworks.kernel.events import EventBus


class SqlReading:
    """`ports.Reading` on one connection. A noun is made when it is asked for: most requests ask for one of them."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self.organization_id = organization_id
        self._connection = connection

    @cached_property
    def projects(self) -> SqlProjects:
        """See `ports.Reading`."""
        return SqlProjects(self._connection, self.organization_id)

    @cached_property
    def keys(self) -> SqlKeys:
        """See `ports.Reading`."""
        return SqlKeys(self._connection, self.organization_id)

    @cached_property
    def members(self) -> SqlMembers:
        """See `ports.Reading`."""
        return SqlMembers(self._connection, self.organization_id)

    @cached_property
    def invitations(self) -> SqlInvitations:
        """See `ports.Reading`."""
        return SqlInvitations(self._connection, self.organization_id)

    @cached_property
    def service_accounts(self) -> SqlServiceAccounts:
        """See `ports.Reading`."""
        return SqlServiceAccounts(self._connection, self.organization_id)

    @cached_property
    def sso_connections(self) -> SqlSsoConnections:
        """See `ports.Reading`."""
        return SqlSsoConnections(self._connection, self.organization_id)

    @cached_property
    def directory(self) -> SqlDirectory:
        """See `ports.Reading`."""
        return SqlDirectory(self._connection, self.organization_id)

    async def organization(self) -> Organization | None:
        """See `ports.Reading`."""
        return await SqlOrganizations(self._connection).get(self.organization_id)


class SqlUnit(SqlReading):
    """`ports.Unit` on one connection."""

    def __init__(self, connection: AsyncConnection, organization_id: str, telling: Telling) -> None:
        super().__init__(connection, organization_id)
        self._sign_in = SqlSignInUnit(connection, telling)
        self.publish = telling.publish
        self.audit = telling.audit

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """See `ports.Unit`."""
        return await self._sign_in.end_sessions(user_id, reason, at, within=self.organization_id)


class SqlProofs:
    """`ports.Proofs` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """See `ports.Proofs`."""
        return await keys.key_by_hash(self._connection, key_hash)

    async def invitation_by_token(self, token_hash: str) -> Invitation | None:
        """See `ports.Proofs`."""
        return await invitation_by_token(self._connection, token_hash)

    async def directory_token_by_hash(self, token_hash: str) -> DirectoryToken | None:
        """See `ports.Overview`."""
        return await directory_token_by_hash(self._connection, token_hash)


class SqlOverview(SqlProofs):
    """`ports.Overview` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.organizations = SqlOrganizations(connection)
        self.users = SqlUsers(connection)


class SqlInstallation(SqlOverview):
    """`ports.Installation` on one connection."""

    def __init__(self, connection: AsyncConnection, telling: Telling) -> None:
        super().__init__(connection)
        self._telling = telling
        self._sign_in = SqlSignInUnit(connection, telling)
        self.publish = telling.publish
        self.audit = telling.audit
        self.sign_ons = SqlSignOns(connection)

    def within(self, organization_id: str) -> SqlUnit:
        """See `ports.Installation`."""
        return SqlUnit(self._connection, organization_id, self._telling)

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """See `ports.Installation`."""
        await self._sign_in.put_password(user_id, password)

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """See `ports.Installation`."""
        return await self._sign_in.end_sessions(user_id, reason, at)

    async def record_directory_use(self, token_id: str, at: datetime) -> None:
        """See `ports.Installation`."""
        await record_directory_use(self._connection, token_id, at)

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See `ports.Installation`."""
        await keys.record_use(self._connection, key_id, at)


class SqlStore:
    """`ports.Store` on a database with the tables of `tables.SCHEMA`."""

    def __init__(self, database: Database, bus: EventBus, trail_keys: SqlTrailKeys | None = None) -> None:
        """`trail_keys` sign the audit trail; None leaves it unsigned."""
        self._database = database
        self._bus = bus
        self._trail_keys = trail_keys

    @asynccontextmanager
    async def read(self, organization_id: str) -> AsyncIterator[SqlReading]:
        """See `ports.Store`."""
        async with self._database.read(organization_id) as connection:
            yield SqlReading(connection, organization_id)

    @asynccontextmanager
    async def transaction(self, organization_id: str) -> AsyncIterator[SqlUnit]:
        """See `ports.Store`."""
        async with self._changing(organization_id) as installation:
            yield installation.within(organization_id)

    @asynccontextmanager
    async def prove(self) -> AsyncIterator[SqlProofs]:
        """See `ports.Store`."""
        async with self._database.look_up(EVERYTHING) as connection:
            yield SqlProofs(connection)

    @asynccontextmanager
    async def overlook(self) -> AsyncIterator[SqlOverview]:
        """See `ports.Store`."""
        async with self._database.read(EVERYTHING) as connection:
            yield SqlOverview(connection)

    def operate(self) -> AbstractAsyncContextManager[SqlInstallation]:
        """See `ports.Store`."""
        return self._changing(EVERYTHING)

    @asynccontextmanager
    async def _changing(self, sight: Sight) -> AsyncIterator[SqlInstallation]:
        with self._bus.after() as told:
            async with self._database.transaction(sight) as connection:
                telling = Telling(told)
                yield SqlInstallation(connection, telling)
                await TRAIL.append(connection, telling.changes, self._trail_keys)
                await ANNOUNCEMENTS.append(connection, told)
