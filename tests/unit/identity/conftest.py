"""Identity on either store, and somebody who may do everything in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA
from headworks.identity.contracts import KeyChanged, Organization, Project
from headworks.identity.ports import Store
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Told:
    """What was told of keys that changed."""

    events: list[KeyChanged] = field(default_factory=list)

    def take(self) -> list[str]:
        """The hashes since the last look."""
        hashes = [event.key_hash for event in self.events]
        self.events.clear()
        return hashes


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def told(bus: EventBus) -> Told:
    told = Told()
    bus.subscribe(KeyChanged, told.events.append)
    return told


@pytest.fixture(params=["sql", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, bus: EventBus) -> AsyncIterator[Store]:
    """An installation with two organisations."""
    database: Database | None = None
    store: Store
    if request.param == "sql":
        prepare_schema(tmp_path / "identity.sqlite3", SCHEMA)
        database = Database.sqlite(tmp_path / "identity.sqlite3")
        store = SqlStore(database, bus)
    else:
        store = MemoryStore(bus)
    async with store.operate() as unit:
        for number in (1, 2):
            await unit.organizations.add(Organization(f"org_{number}", f"Organisation {number}", NOON))
            project = Project(f"prj_{number}", f"org_{number}", f"Project {number}", NOON)
            await unit.within(f"org_{number}").projects.add(project)
    yield store
    if database is not None:
        await database.close()


@pytest.fixture
def admin() -> Principal:
    return Principal("key_admin", "key", "org_1", "prj_1", MANAGEMENT)


@pytest.fixture
def stranger() -> Principal:
    """The same rights in the other organisation."""
    return Principal("key_stranger", "key", "org_2", "prj_2", MANAGEMENT - {"installation:operate"})
