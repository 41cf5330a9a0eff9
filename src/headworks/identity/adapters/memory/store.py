"""How the tables are opened: for one organisation, or for the whole installation."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.identity.adapters.memory import keys
from headworks.identity.adapters.memory.invitations import MemoryInvitations
from headworks.identity.adapters.memory.keys import MemoryKeys
from headworks.identity.adapters.memory.people import MemoryMembers, MemoryUsers
from headworks.identity.adapters.memory.places import MemoryOrganizations, MemoryProjects
from headworks.identity.adapters.memory.service_accounts import MemoryServiceAccounts
from headworks.identity.adapters.memory.sso import MemorySignOns, MemorySsoConnections
from headworks.identity.adapters.memory.tables import Tables
from headworks.identity.adapters.telling import Telling
from headworks.kernel.idempotency import due

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from headworks.identity.contracts import Invitation, KeyView, Organization, StoredPassword
    from headworks.kernel.events import EventBus
    from headworks.kernel.trail import MemoryTrail


class MemoryReading:
    """`ports.Reading` in tables."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self.organization_id = organization_id
        self.projects = MemoryProjects(tables, organization_id)
        self.keys = MemoryKeys(tables, organization_id)
        self.members = MemoryMembers(tables, organization_id)
        self.invitations = MemoryInvitations(tables, organization_id)
        self.service_accounts = MemoryServiceAccounts(tables, organization_id)
        self.sso_connections = MemorySsoConnections(tables, organization_id)
        self._organizations = MemoryOrganizations(tables)

    async def organization(self) -> Organization | None:
        """See `ports.Reading`."""
        return await self._organizations.get(self.organization_id)


class MemoryUnit(MemoryReading):
    """`ports.Unit` in tables."""

    def __init__(self, tables: Tables, organization_id: str, telling: Telling) -> None:
        super().__init__(tables, organization_id)
        self.publish = telling.publish
        self.audit = telling.audit


class MemoryOverview:
    """`ports.Overview` in tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.organizations = MemoryOrganizations(tables)
        self.users = MemoryUsers(tables)

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """See `ports.Proofs`."""
        return keys.key_by_hash(self._tables, key_hash)

    async def invitation_by_token(self, token_hash: str) -> Invitation | None:
        """See `ports.Proofs`."""
        every = self._tables.invitations.values()
        return next((one for one in every if one.token_hash == token_hash), None)


class MemoryInstallation(MemoryOverview):
    """`ports.Installation` in tables."""

    def __init__(self, tables: Tables, telling: Telling) -> None:
        super().__init__(tables)
        self._telling = telling
        self.publish = telling.publish
        self.audit = telling.audit
        self.sign_ons = MemorySignOns(tables)

    def within(self, organization_id: str) -> MemoryUnit:
        """See `ports.Installation`."""
        return MemoryUnit(self._tables, organization_id, self._telling)

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """See `ports.Installation`."""
        self._tables.passwords[user_id] = password

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See `ports.Installation`."""
        keys.record_use(self._tables, key_id, at)


class MemoryStore:
    """`ports.Store` without a disk."""

    def __init__(self, bus: EventBus) -> None:
        self._tables = Tables()
        self._bus = bus
        self._one_writer = asyncio.Lock()

    @property
    def trail(self) -> MemoryTrail:
        """The audit trail as it is now."""
        return self._tables.trail

    @asynccontextmanager
    async def read(self, organization_id: str) -> AsyncIterator[MemoryReading]:
        """See `ports.Store`."""
        yield MemoryReading(self._tables, organization_id)

    @asynccontextmanager
    async def transaction(self, organization_id: str) -> AsyncIterator[MemoryUnit]:
        """See `ports.Store`."""
        async with self.operate() as installation:
            yield installation.within(organization_id)

    @asynccontextmanager
    async def prove(self) -> AsyncIterator[MemoryOverview]:
        """See `ports.Store`."""
        yield MemoryOverview(self._tables)

    @asynccontextmanager
    async def overlook(self) -> AsyncIterator[MemoryOverview]:
        """See `ports.Store`."""
        yield MemoryOverview(self._tables)

    @asynccontextmanager
    async def operate(self) -> AsyncIterator[MemoryInstallation]:
        """See `ports.Store`."""
        with self._bus.after() as publish:
            async with self._one_writer:
                copy, telling = self._tables.copy(), Telling(publish)
                yield MemoryInstallation(copy, telling)
                copy.trail.append(telling.changes, None)
                due()
                self._tables = copy
