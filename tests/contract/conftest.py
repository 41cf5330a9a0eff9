"""Every adapter of each port; a suite that asks for one runs on all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headworks.catalog.adapters.memory import MemoryCatalogs
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.catalog.contracts import CatalogChanged
from headworks.catalog.ports import Catalogs
from headworks.identity.adapters.memory import MemoryStore as MemoryIdentity
from headworks.identity.adapters.sql import SqlStore as SqlIdentity
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.identity.contracts import Organization, Project
from headworks.identity.ports import Store as IdentityStore
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.usage.adapters.memory import MemoryStore
from headworks.usage.adapters.sql import SqlStore
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.ports import UsageStore

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Announced:
    """What the catalog told."""

    events: list[object] = field(default_factory=list)

    def take(self) -> list[str | None]:
        """The organisations that changed since the last look."""
        told = [event.organization_id for event in self.events if isinstance(event, CatalogChanged)]
        self.events.clear()
        return told


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture(params=["sql", "memory"])
async def catalogs(request: pytest.FixtureRequest, tmp_path: Path, announced: Announced) -> AsyncIterator[Catalogs]:
    if request.param == "memory":
        yield MemoryCatalogs(announced.events.append)
        return
    prepare_schema(tmp_path / "catalog.sqlite3", CATALOG)
    database = Database.sqlite(tmp_path / "catalog.sqlite3")
    yield SqlCatalogs(database, announced.events.append)
    await database.close()


@pytest.fixture(params=["sql", "memory"])
async def usage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    prepare_schema(tmp_path / "usage.sqlite3", USAGE)
    database = Database.sqlite(tmp_path / "usage.sqlite3")
    yield SqlStore(database)
    await database.close()


@pytest.fixture(params=["sql", "memory"])
async def identity(
    request: pytest.FixtureRequest, tmp_path: Path, announced: Announced
) -> AsyncIterator[IdentityStore]:
    """An installation with two organisations, of a project each."""
    bus = EventBus()
    bus.subscribe(str, announced.events.append)
    database: Database | None = None
    store: IdentityStore = MemoryIdentity(bus)
    if request.param == "sql":
        prepare_schema(tmp_path / "identity.sqlite3", IDENTITY)
        database = Database.sqlite(tmp_path / "identity.sqlite3")
        store = SqlIdentity(database, bus)
    async with store.operate() as unit:
        for number in (1, 2):
            await unit.organizations.add(Organization(f"org_{number}", f"Organisation {number}", NOON))
            project = Project(f"prj_{number}", f"org_{number}", f"Project {number}", NOON)
            await unit.within(f"org_{number}").projects.add(project)
    yield store
    if database is not None:
        await database.close()
