"""Every use case that changes something says so in the trail: a command that is added and says nothing fails here."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from headworks.catalog import commands
from headworks.catalog.adapters.vault import SealedVault
from headworks.catalog.contracts import SHIPPED, NewPrice, Offer
from headworks.catalog.ports import CatalogStore
from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.commands import keys
from headworks.identity.commands.first_start import find_founder, issue_first_keys
from headworks.kernel.clock import now
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Sealer, Secret
from tests.unit.catalog.conftest import API_KEY, ORGANIZATION, Catalog, catalog

__all__ = ["catalog"]

Act = Callable[[Catalog, CatalogStore], Awaitable[object]]
RATES = {"input": 1, "output": 1}


async def _price(_catalog: Catalog, store: CatalogStore) -> str:
    return (await commands.create_price(store, NewPrice("openai", "m", RATES))).id


async def _deployment(store: CatalogStore) -> str:
    return (await store.deployments())[0].id


async def _remove_model(_catalog: Catalog, store: CatalogStore) -> None:
    await commands.remove_model(store, (await store.models())[0].id)


async def _change_model(_catalog: Catalog, store: CatalogStore) -> None:
    targets = [commands.TargetWish("openai", "another")]
    await commands.change_model(store, (await store.models())[0].id, targets)


async def _withdraw(catalog: Catalog, store: CatalogStore) -> None:
    await commands.offer_provider(store, catalog.vault, OFFER, private_networks=True)
    assert await commands.withdraw_provider(store, OFFER.name)


async def _remove_deployment(_catalog: Catalog, store: CatalogStore) -> None:
    made = await commands.create_deployment(store, commands.NewDeployment("openai", "spare"))
    await commands.remove_deployment(store, made.id)


async def _remove_price(catalog: Catalog, store: CatalogStore) -> None:
    await commands.remove_price(store, await _price(catalog, store))


async def _remove_provider(catalog: Catalog, store: CatalogStore) -> None:
    await _remove_model(catalog, store)
    await commands.remove_provider(store, (await store.providers())[0].id)


async def _change_provider(catalog: Catalog, store: CatalogStore) -> None:
    changes = commands.ProviderChanges(api_key=Secret(API_KEY + "-2"))
    provider = (await store.providers())[0]
    await commands.change_provider(store, catalog.vault, provider.id, changes, private_networks=True)


async def _reseal(catalog: Catalog, store: CatalogStore) -> None:
    keys, _ = catalog.vault._sealer._ring
    newer = SealedVault(Sealer({**keys, "newer": os.urandom(32)}, "newer"), {})
    assert await commands.reseal_credentials(store, newer) == 1


OFFER = Offer(
    "found", dialect="openai", base_url="http://127.0.0.1:1/v1", credential_reference=None, models=("m1", "m2")
)
ACTS: dict[str, tuple[Act, list[str]]] = {
    "create_provider": (
        lambda catalog, store: commands.create_provider(
            store, catalog.vault, commands.NewProvider("x", "https://x.example/v1"), private_networks=True
        ),
        ["provider.created"],
    ),
    "change_provider": (_change_provider, ["provider.changed"]),
    "remove_provider": (_remove_provider, ["model.removed", "deployment.removed", "provider.removed"]),
    "create_deployment": (
        lambda _, store: commands.create_deployment(store, commands.NewDeployment("openai", "n")),
        ["deployment.created"],
    ),
    "change_deployment": (
        lambda _, store: _then(
            _deployment(store), lambda one: commands.change_deployment(store, one, commands.DeploymentChanges(weight=7))
        ),
        ["deployment.changed"],
    ),
    "remove_deployment": (_remove_deployment, ["deployment.created", "deployment.removed"]),
    "create_model": (
        lambda _, store: commands.create_model(
            store, commands.NewModel("fast", (commands.TargetWish("openai", "new"),))
        ),
        ["deployment.created", "model.created"],
    ),
    "change_model": (_change_model, ["deployment.created", "model.changed"]),
    "remove_model": (_remove_model, ["model.removed"]),
    "create_price": (_price, ["price.created"]),
    "remove_price": (_remove_price, ["price.created", "price.removed"]),
    "load_shipped_prices": (
        lambda _, store: commands.load_shipped_prices(store, [NewPrice("openai", "m", RATES)]),
        ["prices.shipped"],
    ),
    "offer_demo": (
        lambda _, store: commands.offer_demo(store),
        ["provider.created", "deployment.created", "model.created"],
    ),
    "offer_provider": (
        lambda catalog, store: commands.offer_provider(store, catalog.vault, OFFER, private_networks=True),
        ["provider.created", "provider.discovered"],
    ),
    "reseal_credentials": (_reseal, ["credentials.resealed"]),
    "withdraw_provider": (_withdraw, ["provider.created", "provider.discovered", "provider.withdrawn"]),
}


async def _then(first: Awaitable[str], second: Callable[[str], Awaitable[object]]) -> object:
    return await second(await first)


def test_every_command_of_the_catalog_is_tried() -> None:
    assert set(ACTS) == {name for name in commands.__all__ if name[0].islower()}


@pytest.mark.parametrize("name", ACTS)
async def test_a_command_of_the_catalog_says_what_it_did(catalog: Catalog, name: str) -> None:
    await catalog.add_provider()
    await catalog.add_model("first", ("openai", "m"))
    before = len(catalog.catalogs.trail.entries)
    act, actions = ACTS[name]
    owner = SHIPPED if name == "load_shipped_prices" else ORGANIZATION
    async with catalog.catalogs.writing(owner) as store:
        await act(catalog, store)
    written = catalog.catalogs.trail.entries[before:]
    assert [entry.action for entry in written] == actions
    assert {entry.organization_id for entry in written} == {"" if owner == SHIPPED else ORGANIZATION}
    assert API_KEY not in str(written)
    assert "hw1." not in str(written)


async def test_a_price_that_ends_another_says_both(catalog: Catalog) -> None:
    await catalog.add_provider()
    async with catalog.writing() as store:
        await _price(catalog, store)
    later = NewPrice("openai", "m", RATES, valid_from=now() + timedelta(days=1))
    async with catalog.writing() as store:
        await commands.create_price(store, later)
    assert [entry.action for entry in catalog.catalogs.trail.entries[-2:]] == ["price.ended", "price.created"]


async def test_a_repeated_start_says_nothing_new(catalog: Catalog) -> None:
    for _ in range(2):
        async with catalog.writing() as store:
            await commands.offer_demo(store)
            await commands.offer_provider(store, catalog.vault, OFFER, private_networks=True)
    assert [entry.action for entry in catalog.catalogs.trail.entries].count("provider.discovered") == 1


async def test_the_commands_of_identity_say_what_they_did() -> None:
    store = MemoryStore(EventBus())
    async with store.operate() as unit:
        founder, _ = await find_founder(unit, now())
        await issue_first_keys(unit, founder, now())
        within = unit.within(founder.organization_id)
        made = await keys.create_key(within, founder, keys.KeyOrder("a"), now())
        await keys.change_key(within, founder, made.view.id, keys.KeyChange(name="b"), now())
        await keys.revoke_key(within, founder, made.view.id, now())
        await keys.create_key(within, founder, keys.KeyOrder("c", sha256="a" * 64), now())
    actions = [entry.action for entry in store.trail.entries]
    assert actions == [
        *("organization.created", "project.created", "key.created", "key.created"),
        *("key.created", "key.changed", "key.revoked", "key.created"),
    ]
    assert {entry.organization_id for entry in store.trail.entries} == {founder.organization_id}
    assert made.key is not None
    assert made.key.reveal() not in str(store.trail.entries)
    assert made.view.key_hash not in str(store.trail.entries)
