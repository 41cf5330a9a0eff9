"""Limits in memory: the twin of `sql` for tests. One contract suite runs on both."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.kernel.errors import Stale
from headworks.kernel.idempotency import due
from headworks.kernel.trail import MemoryTrail
from headworks.limits.contracts import LimitsChanged
from headworks.limits.errors import LimitExists

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headworks.kernel.audit import Change
    from headworks.kernel.events import Publish
    from headworks.limits.contracts import Limit

    Limits = dict[str, Limit]


class MemoryLimits:
    """The port `LimitStore`. A transaction works on a copy, which takes the place of the original when it ends well."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._limits: Limits = {}
        self._revisions: dict[str, int] = {}
        self._writing = asyncio.Lock()
        self.trail = MemoryTrail("limits")

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[MemoryReader]:
        """A view that later changes do not reach."""
        yield MemoryReader(dict(self._limits), self._revisions.get(organization_id, 0), organization_id)

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[MemoryWriter]:
        """One writer at a time."""
        async with self._writing:
            revision = self._revisions.get(organization_id, 0)
            writer = MemoryWriter(dict(self._limits), revision, organization_id)
            yield writer
            due()
            self._limits = writer.all
            if writer.changed:
                self._revisions[organization_id] = revision + 1
            self.trail.append(writer.changes, organization_id)
        if writer.changed:
            self._publish(LimitsChanged(organization_id))

    async def revision(self, organization_id: str) -> int:
        """0 for an organisation that never had a limit."""
        return self._revisions.get(organization_id, 0)


class MemoryReader:
    """The port `LimitReader`."""

    def __init__(self, limits: Limits, revision: int, organization_id: str) -> None:
        self.all = limits
        self._revision = revision
        self.organization_id = organization_id

    async def revision(self) -> int:
        """0 for an organisation that never had a limit."""
        return self._revision

    async def limits(self) -> list[Limit]:
        """The oldest first."""
        mine = (limit for limit in self.all.values() if limit.organization_id == self.organization_id)
        return sorted(mine, key=lambda limit: (limit.created_at, limit.id))

    async def limit(self, limit_id: str) -> Limit | None:
        """By id."""
        found = self.all.get(limit_id)
        return found if found is not None and found.organization_id == self.organization_id else None


class MemoryWriter(MemoryReader):
    """The port `LimitWriter`."""

    def __init__(self, limits: Limits, revision: int, organization_id: str) -> None:
        super().__init__(limits, revision, organization_id)
        self.changed = False
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    async def add(self, limit: Limit) -> None:
        """Raises LimitExists."""
        if any(_kind(limit) == _kind(other) for other in await self.limits()):
            raise LimitExists(limit)
        self.all[limit.id] = limit
        self.changed = True

    async def replace(self, limit: Limit) -> None:
        """Raises Stale."""
        before = await self.limit(limit.id)
        if before is None or before.version != limit.version - 1:
            raise Stale("Somebody else changed it at the same moment. Read it again, and change what is there.")
        self.all[limit.id] = limit
        self.changed = True

    async def remove(self, limit_id: str) -> None:
        """One of this organisation's."""
        if await self.limit(limit_id) is not None:
            del self.all[limit_id]
        self.changed = True


def _kind(limit: Limit) -> tuple[str, str, str, str | None]:
    return limit.scope, limit.scope_id, limit.unit, limit.window
