"""Connections of one organisation, and sign-ins by a directory that are on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, refuse_twins, replace
from headworks.identity.errors import NameInUse
from headworks.kernel.errors import Stale
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import SsoAttempt, SsoConnection, SsoHandover
    from headworks.kernel.pagination import Page, PageRequest


class MemorySsoConnections:
    """`ports.SsoConnections`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._tables = tables
        self._organization_id = organization_id

    async def page(self, page: PageRequest) -> Page[SsoConnection]:
        """See `ports.SsoConnections`."""
        return page_of(self._own(), page, "created_at")

    async def get(self, connection_id: str) -> SsoConnection | None:
        """See `ports.SsoConnections`."""
        return next((one for one in self._own() if one.id == connection_id), None)

    async def enabled(self) -> list[SsoConnection]:
        """See `ports.SsoConnections`."""
        return sorted((one for one in self._own() if one.enabled), key=lambda one: (one.created_at, one.id))

    async def add(self, connection: SsoConnection) -> None:
        """See `ports.SsoConnections`."""
        self._refuse_twins(connection)
        self._tables.sso_connections[connection.id] = connection

    async def replace(self, connection: SsoConnection) -> None:
        """See `ports.SsoConnections`."""
        self._refuse_twins(connection)
        if await self.get(connection.id) is None:
            raise Stale("There is no such connection in this organisation any more.")
        replace(self._tables.sso_connections, connection)

    async def remove(self, connection_id: str) -> None:
        """See `ports.SsoConnections`."""
        if await self.get(connection_id) is None:
            return
        del self._tables.sso_connections[connection_id]
        await self.unlink(connection_id)
        for table in (self._tables.sso_attempts, self._tables.sso_handovers):
            for key in [key for key, one in table.items() if one.connection_id == connection_id]:
                del table[key]

    async def user_of(self, connection_id: str, subject: str) -> str | None:
        """See `ports.SsoConnections`."""
        return self._tables.sso_subjects.get((self._organization_id, connection_id, subject))

    async def link(self, connection_id: str, subject: str, user_id: str, at: datetime) -> None:  # noqa: ARG002 - kept by SQL
        """See `ports.SsoConnections`."""
        self._tables.sso_subjects[self._organization_id, connection_id, subject] = user_id

    async def unlink(self, connection_id: str) -> int:
        """See `ports.SsoConnections`."""
        table = self._tables.sso_subjects
        gone = [key for key in table if key[:2] == (self._organization_id, connection_id)]
        for key in gone:
            del table[key]
        return len(gone)

    def _own(self) -> list[SsoConnection]:
        every = self._tables.sso_connections.values()
        return [one for one in every if one.organization_id == self._organization_id]

    def _refuse_twins(self, connection: SsoConnection) -> None:
        there = NameInUse("a connection", connection.name)
        table = self._tables.sso_connections
        refuse_twins(table, connection, lambda one: (one.organization_id, comparable(one.name)), there)


class MemorySignOns:
    """`ports.SignOns`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def begin(self, attempt: SsoAttempt) -> None:
        """See `ports.SignOns`."""
        self._tables.sso_attempts[attempt.state_hash] = attempt

    async def finish(self, state_hash: str) -> SsoAttempt | None:
        """See `ports.SignOns`."""
        return self._tables.sso_attempts.pop(state_hash, None)

    async def hand_over(self, handover: SsoHandover) -> None:
        """See `ports.SignOns`."""
        self._tables.sso_handovers[handover.code_hash] = handover

    async def take_over(self, code_hash: str) -> SsoHandover | None:
        """See `ports.SignOns`."""
        return self._tables.sso_handovers.pop(code_hash, None)

    async def purge(self, before: datetime) -> None:
        """See `ports.SignOns`."""
        tables = self._tables
        tables.sso_attempts = {key: one for key, one in tables.sso_attempts.items() if one.expires_at > before}
        tables.sso_handovers = {key: one for key, one in tables.sso_handovers.items() if one.expires_at > before}
