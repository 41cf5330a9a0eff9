"""scim2-server's own rules for storages, held by ours on either store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scim2_models import Resource, ResourceType, ScimProvider
from scim2_server.storage import ScimStorage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage

from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA
from headworks.identity.contracts import Organization
from headworks.identity.http.scim.models import Email
from headworks.identity.http.scim.service import PROVIDER
from headworks.identity.http.scim.storage import DirectoryStorage
from headworks.identity.ports import Store
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.permissions import PROVISIONING
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON

CALLER = Principal("dtk_1", "directory", "org_1", None, PROVISIONING)


class WithAddresses(BlockingStorage):
    """Gives everybody an address, which ours need and the suite's users do not all have."""

    numbers = itertools.count()

    def create(self, resource_type: ResourceType, resource: Any) -> Resource[Any]:  # noqa: ANN401 - of either kind
        if resource_type.name == "User" and not resource.emails:
            resource = resource.model_copy(update={"emails": [Email(value=f"{next(self.numbers)}@example.org")]})
        return super().create(resource_type, resource)


class TestDirectoryStorage(AsyncScimStorageContract):
    @pytest.fixture(params=["sql", "memory"])
    def storage(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScimStorage]:
        with asyncio.Runner() as runner:
            database: Database | None = None
            store: Store = MemoryStore(EventBus())
            if request.param == "sql":
                prepare_schema(tmp_path / "identity.sqlite3", SCHEMA)
                database = Database.sqlite(tmp_path / "identity.sqlite3")
                store = SqlStore(database, EventBus())
            runner.run(_furnish(store))
            # As the server does, for the policy: what we do not keep is no reason to refuse.
            with PROVIDER:
                yield WithAddresses(DirectoryStorage(store, CALLER, writes=True), runner)
            if database is not None:
                runner.run(database.close())

    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PROVIDER


async def _furnish(store: Store) -> None:
    async with store.operate() as unit:
        await unit.organizations.add(Organization("org_1", "Organisation 1", NOON))
