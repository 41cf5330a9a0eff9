from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from headworks.catalog import commands
from headworks.catalog.adapters.shipped import shipped_prices
from headworks.catalog.contracts import INSTALLATION, SHIPPED, NewPrice
from headworks.kernel.secrets import Secret
from tests.unit.catalog.conftest import API_KEY, ORGANIZATION, Catalog

BEGIN = datetime(2025, 6, 1, tzinfo=UTC)
LATER = BEGIN + timedelta(days=30)


async def cost_of_input(catalog: Catalog, provider_id: str, at: datetime, model: str = "gpt-4o") -> int | None:
    price = await catalog.facade.price_for(provider_id, model, at)
    return None if price is None else price.rates.input


async def test_list_prices_hold_for_whoever_is_behind_the_address(catalog: Catalog) -> None:
    await catalog.facade.load_shipped_prices(shipped_prices())
    behind = await catalog.add_provider("our-openai")
    elsewhere = await catalog.add_provider("openai", "https://models.example/v1")
    assert await cost_of_input(catalog, behind.id, BEGIN) == 2_500_000_000
    assert await cost_of_input(catalog, elsewhere.id, BEGIN) is None
    assert await cost_of_input(catalog, behind.id, BEGIN, "unheard-of") is None


async def test_an_own_price_wins_from_its_begin(catalog: Catalog) -> None:
    await catalog.facade.load_shipped_prices(shipped_prices())
    provider = await catalog.add_provider("openai")
    assert await cost_of_input(catalog, provider.id, LATER) == 2_500_000_000
    async with catalog.writing() as store:
        await commands.create_price(store, NewPrice("openai", "gpt-4o", {"input": 7}, valid_from=LATER))
    assert await cost_of_input(catalog, provider.id, LATER) == 7
    assert await cost_of_input(catalog, provider.id, LATER - timedelta(microseconds=1)) == 2_500_000_000


async def test_usage_that_arrives_after_its_provider_left_is_still_priced(catalog: Catalog) -> None:
    provider = await catalog.add_provider("mine", "https://models.example/v1")
    async with catalog.writing() as store:
        await commands.create_price(store, NewPrice("mine", "gpt", {"input": 7}, valid_from=BEGIN))
        await commands.remove_provider(store, provider.id)
    assert await cost_of_input(catalog, provider.id, BEGIN, "gpt") == 7


async def test_the_demo_costs_nothing_and_says_so(catalog: Catalog) -> None:
    await catalog.facade.load_shipped_prices(shipped_prices())
    await catalog.facade.offer_demo(ORGANIZATION)
    async with catalog.reading() as store:
        (provider,) = await store.providers()
    assert await cost_of_input(catalog, provider.id, BEGIN, "echo") == 0


async def test_changes_are_seen_at_once(catalog: Catalog) -> None:
    assert await catalog.facade.visible_models(ORGANIZATION) == ()
    await catalog.add_provider("mine")
    await catalog.add_model("fast", ("mine", "gpt"))
    assert [model.name for model in await catalog.facade.visible_models(ORGANIZATION)] == ["fast"]


async def test_a_book_is_kept_until_something_changes(catalog: Catalog) -> None:
    first = await catalog.facade.price_book()
    assert await catalog.facade.price_book() is first
    async with catalog.catalogs.writing(SHIPPED) as store:
        await commands.load_shipped_prices(store, [replace(shipped_prices()[0], upstream_model="x")])
    assert await catalog.facade.price_book() is not first


async def test_what_is_shared_reaches_every_organization_at_once(catalog: Catalog) -> None:
    assert await catalog.facade.routes_for("org_2", "fast") is None
    async with catalog.catalogs.writing(INSTALLATION) as store:
        wish = commands.NewProvider("big", "https://big.example/v1", api_key=Secret(API_KEY))
        shared = await commands.create_provider(store, catalog.vault, wish, private_networks=False)
        await commands.create_model(store, commands.NewModel("fast", (commands.TargetWish("big", "m"),)))
        await commands.create_price(store, NewPrice("big", "m", {"input": 9}, valid_from=BEGIN))
    for organization in (ORGANIZATION, "org_2"):
        for name in ("fast", "big/m"):
            route = await catalog.facade.routes_for(organization, name)
            assert route is not None
            (target,) = route.targets
            assert target.credential is not None
            assert (target.provider_id, target.credential.reveal()) == (shared.id, API_KEY)
        assert [model.name for model in await catalog.facade.visible_models(organization)] == ["fast"]
    assert await cost_of_input(catalog, shared.id, BEGIN, "m") == 9


async def test_an_own_name_wins_over_a_shared_one(catalog: Catalog) -> None:
    async with catalog.catalogs.writing(INSTALLATION) as store:
        wish = commands.NewProvider("openai", "https://big.example/v1")
        await commands.create_provider(store, catalog.vault, wish, private_networks=False)
        await commands.create_model(store, commands.NewModel("fast", (commands.TargetWish("openai", "gpt"),)))
    own = await catalog.add_provider("openai")
    await catalog.add_model("fast", ("openai", "gpt"))
    for name in ("fast", "openai/gpt"):
        route = await catalog.facade.routes_for(ORGANIZATION, name)
        assert route is not None
        assert [target.provider_id for target in route.targets] == [own.id]
    assert len(await catalog.facade.visible_models(ORGANIZATION)) == 1


async def test_requests_without_a_model_never_go_to_a_shared_account(catalog: Catalog) -> None:
    async with catalog.catalogs.writing(INSTALLATION) as store:
        wish = commands.NewProvider("big", "https://big.example/v1")
        await commands.create_provider(store, catalog.vault, wish, private_networks=False)
    assert (await catalog.facade.snapshot(ORGANIZATION)).whole_provider is None
    own = await catalog.add_provider("mine")
    whole = (await catalog.facade.snapshot(ORGANIZATION)).whole_provider
    assert whole is not None
    assert whole.provider_id == own.id
