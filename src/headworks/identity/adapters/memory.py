"""Identity in this process's memory: the twin that the contract tests hold to the same behaviour as SQL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headworks.identity.errors import KeyExists
from headworks.kernel.pagination import Page
from headworks.kernel.trail import MemoryTrail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime
    from typing import TypeVar

    from headworks.identity.contracts import KeyView, Organization, Project
    from headworks.identity.ports import KeyFilter
    from headworks.kernel.audit import Change
    from headworks.kernel.events import EventBus, Publish
    from headworks.kernel.pagination import PageRequest

    T = TypeVar("T")


@dataclass(slots=True)
class _Tables:
    """All there is. A transaction works on a copy, which takes the place of the original at its end."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    keys: dict[str, KeyView] = field(default_factory=dict)
    trail: MemoryTrail = field(default_factory=lambda: MemoryTrail("identity"))

    def copy(self) -> _Tables:
        return _Tables(dict(self.organizations), dict(self.projects), dict(self.keys), self.trail.copy())


class MemoryReading:
    """Look-ups in a copy."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables

    async def organizations(self, organization_id: str | None, page: PageRequest) -> Page[Organization]:
        """See `ports.Reading`."""
        every = sorted(self._tables.organizations.values(), key=lambda one: (one.created_at, one.id))
        return _page([one for one in every if organization_id in (None, one.id)], page)

    async def projects(self, organization_id: str, page: PageRequest) -> Page[Project]:
        """See `ports.Reading`."""
        every = sorted(self._tables.projects.values(), key=lambda one: (one.created_at, one.id))
        return _page([one for one in every if one.organization_id == organization_id], page)

    async def project(self, organization_id: str, project_id: str) -> Project | None:
        """See `ports.Reading`."""
        found = self._tables.projects.get(project_id)
        return found if found is not None and found.organization_id == organization_id else None

    async def key(self, organization_id: str, key_id: str) -> KeyView | None:
        """See `ports.Reading`."""
        found = self._tables.keys.get(key_id)
        return found if found is not None and found.organization_id == organization_id else None

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """See `ports.Reading`."""
        return next((key for key in self._tables.keys.values() if key.key_hash == key_hash), None)

    async def keys(self, organization_id: str, wanted: KeyFilter, at: datetime, page: PageRequest) -> Page[KeyView]:
        """See `ports.Reading`."""
        found = [
            key
            for key in sorted(self._tables.keys.values(), key=lambda key: key.id, reverse=True)
            if key.organization_id == organization_id
            and wanted.kind in (None, key.kind)
            and wanted.project_id in (None, key.project_id)
            and wanted.state in (None, key.state(at))
        ]
        return _page(found, page)

    async def key_names(self, organization_id: str, key_ids: Collection[str]) -> dict[str, str]:
        """See `ports.Reading`."""
        found = [await self.key(organization_id, key_id) for key_id in key_ids]
        return {key.id: key.name for key in found if key is not None}

    async def managers(self, organization_id: str, at: datetime) -> list[KeyView]:
        """See `ports.Reading`."""
        return [
            key
            for key in self._tables.keys.values()
            if key.organization_id == organization_id and key.kind == "management" and key.state(at) == "active"
        ]


class MemoryUnit(MemoryReading):
    """One transaction."""

    def __init__(self, tables: _Tables, publish: Publish) -> None:
        super().__init__(tables)
        self.publish = publish
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """See `ports.Unit`."""
        self.changes.append(change)

    async def add_organization(self, organization: Organization) -> None:
        """See `ports.Unit`."""
        self._tables.organizations[organization.id] = organization

    async def add_project(self, project: Project) -> None:
        """See `ports.Unit`."""
        self._tables.projects[project.id] = project

    async def add_key(self, key: KeyView) -> None:
        """See `ports.Unit`."""
        if await self.key_by_hash(key.key_hash) is not None:
            raise KeyExists("A key with this hash is known already; look for it in GET /api/v1/keys.")
        self._tables.keys[key.id] = key

    async def replace_key(self, key: KeyView) -> None:
        """See `ports.Unit`."""
        self._tables.keys[key.id] = key

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See `ports.Unit`."""
        key = self._tables.keys.get(key_id)
        if key is not None and (key.last_used_at is None or key.last_used_at < at):
            self._tables.keys[key_id] = replace(key, last_used_at=at)


class MemoryStore:
    """`ports.Store` without a disk."""

    def __init__(self, bus: EventBus) -> None:
        self._tables = _Tables()
        self._bus = bus
        self._one_writer = asyncio.Lock()

    @property
    def trail(self) -> MemoryTrail:
        """The audit trail as it is now."""
        return self._tables.trail

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryUnit]:
        """See `ports.Store`."""
        with self._bus.after() as publish:
            async with self._one_writer:
                copy = self._tables.copy()
                unit = MemoryUnit(copy, publish)
                yield unit
                copy.trail.append(unit.changes, None)
                self._tables = copy

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemoryReading]:
        """See `ports.Store`."""
        yield MemoryReading(self._tables)


def _page(items: Sequence[T], page: PageRequest) -> Page[T]:
    return Page(items[page.offset : page.offset + page.per_page], len(items), page)
