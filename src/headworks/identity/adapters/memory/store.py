"""How the tables are opened: for one organisation, or for the whole installation."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.identity.adapters.memory import keys
from headworks.identity.adapters.memory.directory import MemoryDirectory
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

    from headworks.identity.contracts import (
        DirectoryToken,
        EndReason,
        Invitation,
        KeyView,
        Organization,
        StoredPassword,
    )
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
        self.directory = MemoryDirectory(tables, organization_id)
        self._organizations = MemoryOrganizations(tables)

    async def organization(self) -> Organization | None:
        """See `ports.Reading`."""
        return await self._organizations.get(self.organization_id)


class MemoryUnit(MemoryReading):
    """`ports.Unit` in tables."""

    def __init__(self, tables: Tables, organization_id: str, telling: Telling) -> None:
        super().__init__(tables, organization_id)
        self._tables = tables
        self.publish = telling.publish
        self.audit = telling.audit

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """See `ports.Unit`."""
        return _end_sessions(self._tables, user_id, reason, at, self.organization_id)


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

    async def directory_token_by_hash(self, token_hash: str) -> DirectoryToken | None:
        """See `ports.Overview`."""
        tokens = self._tables.directory_tokens.values()
        return next((one for one in tokens if one.token_hash == token_hash), None)


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

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """See `ports.Installation`."""
        return _end_sessions(self._tables, user_id, reason, at, None)

    async def record_directory_use(self, token_id: str, at: datetime) -> None:
        """See `ports.Installation`."""
        found = self._tables.directory_tokens.get(token_id)
        if found is not None and (found.last_used_at is None or found.last_used_at < at):
            self._tables.directory_tokens[token_id] = replace(found, last_used_at=at)

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See `ports.Installation`."""
        keys.record_use(self._tables, key_id, at)


def _end_sessions(
    tables: Tables, user_id: str, reason: EndReason, at: datetime, organization_id: str | None
) -> list[str]:
    living = [one for one in tables.sessions.values() if one.user_id == user_id and one.ended_at is None]
    ending = [one for one in living if organization_id in (None, one.organization_id)]
    tables.sessions.update({one.id: replace(one, ended_at=at, end_reason=reason) for one in ending})
    return sorted(one.id for one in ending)


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
