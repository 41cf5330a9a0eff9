"""A catalog in memory, a vault, and what tests put in."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest

from headworks.catalog import commands
from headworks.catalog.adapters.memory import MemoryCatalogs
from headworks.catalog.adapters.vault import SealedVault
from headworks.catalog.contracts import CatalogChanged, Provider
from headworks.catalog.facade import CatalogFacade
from headworks.catalog.ports import CatalogReader, CatalogStore
from headworks.catalog.settings import CatalogSettings
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Sealer, Secret

ORGANIZATION = "org_1"
API_KEY = "sk-provider-canary-5f3a9d"


@dataclass
class Catalog:
    """All that a door has."""

    catalogs: MemoryCatalogs
    vault: SealedVault
    facade: CatalogFacade
    environment: dict[str, str]

    def writing(self) -> AbstractAsyncContextManager[CatalogStore]:
        return self.catalogs.writing(ORGANIZATION)

    def reading(self) -> AbstractAsyncContextManager[CatalogReader]:
        return self.catalogs.reading(ORGANIZATION)

    async def add_provider(
        self, name: str = "openai", base_url: str = "https://api.openai.com/v1", api_key: str | None = API_KEY
    ) -> Provider:
        wish = commands.NewProvider(name, base_url, api_key=Secret(api_key) if api_key else None)
        async with self.writing() as store:
            return await commands.create_provider(store, self.vault, wish, private_networks=True)

    async def add_model(self, alias: str, *targets: tuple[str, str]) -> None:
        wishes = tuple(commands.TargetWish(provider, model) for provider, model in targets)
        async with self.writing() as store:
            await commands.create_model(store, commands.NewModel(alias, wishes))

    async def aliases(self) -> list[str]:
        async with self.reading() as store:
            return [model.alias for model in await store.models()]


@pytest.fixture
def catalog() -> Catalog:
    environment = {"OPENAI_API_KEY": API_KEY}
    bus = EventBus()
    catalogs = MemoryCatalogs(bus.publish)
    vault = SealedVault(Sealer({"k": os.urandom(32)}, "k"), environment)
    facade = CatalogFacade(catalogs, vault, CatalogSettings())
    bus.subscribe(CatalogChanged, facade.changed)
    return Catalog(catalogs, vault, facade, environment)
