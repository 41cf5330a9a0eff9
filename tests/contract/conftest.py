"""Every adapter of each port; a suite that asks for one runs on all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headworks.catalog.adapters.memory import MemoryCatalogs
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.catalog.contracts import CatalogChanged
from headworks.catalog.ports import Catalogs
from headworks.kernel.database import Database, prepare_schema
from headworks.usage.ports import UsageStore
from tests.support.usage_stores import USAGE_STORES, usage_store


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


@pytest.fixture(params=USAGE_STORES)
async def usage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageStore]:
    async with usage_store(request.param, tmp_path) as store:
        yield store
