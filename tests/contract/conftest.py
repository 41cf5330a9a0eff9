"""Every adapter of each port; a suite that asks for one runs on all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
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
from headworks.kernel.events import EventBus
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.ports import UsageStore
from tests.support.buses import KINDS, Buses
from tests.support.databases import ENGINES, Databases, Place
from tests.support.events import Overheard
from tests.support.rabbitmq import RabbitServer
from tests.support.usage_stores import Accounting, accounting_in_memory, accounting_on

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Announced:
    """What a store told."""

    events: list[object] = field(default_factory=list)

    def take(self) -> list[str | None]:
        """The organisations that changed since the last look."""
        told = [event.organization_id for event in self.events if isinstance(event, CatalogChanged)]
        self.events.clear()
        return told


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture(params=[*ENGINES, "memory"])
def engine(request: pytest.FixtureRequest) -> str:
    """Where the stores of a test keep things."""
    return str(request.param)


@pytest.fixture
def catalog_place(engine: str, databases: Databases, tmp_path: Path) -> Place | None:
    return None if engine == "memory" else databases.empty(engine, CATALOG, tmp_path)


@pytest.fixture
async def catalogs(catalog_place: Place | None, announced: Announced) -> AsyncIterator[Catalogs]:
    if catalog_place is None:
        yield MemoryCatalogs(announced.events.append)
        return
    database = catalog_place.open()
    yield SqlCatalogs(database, Overheard(announced.events))
    await database.close()


@pytest.fixture
def usage_place(engine: str, databases: Databases, tmp_path: Path) -> Place | None:
    return None if engine == "memory" else databases.empty(engine, USAGE, tmp_path, LEDGER, takes_turns=False)


@pytest.fixture
async def books(usage_place: Place | None) -> AsyncIterator[Accounting]:
    """Usage and the ledger, which share a database."""
    if usage_place is None:
        yield accounting_in_memory()
        return
    database = usage_place.open()
    yield accounting_on(database)
    await database.close()


@pytest.fixture
def usage(books: Accounting) -> UsageStore:
    return books.usage


@pytest.fixture
def identity_place(engine: str, databases: Databases, tmp_path: Path) -> Place | None:
    return None if engine == "memory" else databases.empty(engine, IDENTITY, tmp_path)


@pytest.fixture
async def identity(identity_place: Place | None, announced: Announced) -> AsyncIterator[IdentityStore]:
    """An installation with two organisations, of a project each."""
    bus = EventBus()
    bus.subscribe(str, announced.events.append)
    database = None if identity_place is None else identity_place.open()
    store: IdentityStore = MemoryIdentity(bus) if database is None else SqlIdentity(database, bus)
    async with store.operate() as unit:
        for number in (1, 2):
            await unit.organizations.add(Organization(f"org_{number}", f"Organisation {number}", NOON))
            project = Project(f"prj_{number}", f"org_{number}", f"Project {number}", NOON)
            await unit.within(f"org_{number}").projects.add(project)
    yield store
    if database is not None:
        await database.close()


class Broker:
    """One RabbitMQ for the tests of a process, started by the first that asks."""

    def __init__(self) -> None:
        self.running: RabbitServer | None = None

    def get(self) -> RabbitServer:
        """Raises Missing where it is not installed."""
        if self.running is None:
            self.running = RabbitServer().start()
        return self.running


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    if broker.running is not None:
        broker.running.close()


_marks = count(1)


@pytest.fixture(params=KINDS)
async def buses(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> AsyncIterator[Buses]:
    """Every adapter of the bus."""
    buses = Buses(request.param, tmp_path, broker.get, f"t{next(_marks)}")
    yield buses
    await buses.close()
