from __future__ import annotations

from headworks.catalog import commands
from headworks.catalog.contracts import Offer, Route
from tests.unit.catalog.conftest import API_KEY, ORGANIZATION, Catalog


async def offer(catalog: Catalog, name: str, *models: str) -> None:
    found = Offer(name, "openai", f"https://{name}.example/v1", None, models)
    await catalog.facade.offer_provider(ORGANIZATION, found)


async def route(catalog: Catalog, name: str) -> Route:
    found = await catalog.facade.routes_for(ORGANIZATION, name)
    assert found is not None, name
    return found


async def upstreams(catalog: Catalog, name: str) -> list[tuple[str, str | None]]:
    async with catalog.reading() as store:
        names = {provider.id: provider.name for provider in await store.providers()}
    return [(names[target.provider_id], target.upstream_model) for target in (await route(catalog, name)).targets]


async def visible(catalog: Catalog) -> list[str]:
    return [model.name for model in await catalog.facade.visible_models(ORGANIZATION)]


async def test_discovered_models_have_two_names_and_are_listed_once(catalog: Catalog) -> None:
    await offer(catalog, "one", "gpt", "mini")
    assert await upstreams(catalog, "gpt") == await upstreams(catalog, "one/gpt") == [("one", "gpt")]
    assert (await route(catalog, "gpt")).model == "gpt"
    assert await visible(catalog) == ["gpt", "mini"]


async def test_a_bare_name_that_two_providers_serve_belongs_to_neither(catalog: Catalog) -> None:
    await offer(catalog, "one", "gpt", "mini")
    await offer(catalog, "two", "gpt")
    assert await catalog.facade.routes_for(ORGANIZATION, "gpt") is None
    assert await upstreams(catalog, "two/gpt") == [("two", "gpt")]
    assert await visible(catalog) == ["mini", "one/gpt", "two/gpt"]


async def test_an_alias_wins_over_everything(catalog: Catalog) -> None:
    await offer(catalog, "one", "gpt", "mini")
    await catalog.add_model("gpt", ("one", "mini"))
    await catalog.add_model("one/gpt", ("one", "mini"))
    assert await upstreams(catalog, "gpt") == await upstreams(catalog, "one/gpt") == [("one", "mini")]
    assert await visible(catalog) == ["gpt", "one/gpt", "mini"]


async def test_a_model_whose_bare_name_became_an_alias_is_listed_by_its_other_name(catalog: Catalog) -> None:
    await offer(catalog, "one", "gpt", "mini")
    await catalog.add_model("gpt", ("one", "mini"))
    assert await visible(catalog) == ["gpt", "mini", "one/gpt"]


async def test_a_qualified_name_wins_over_an_upstream_name_with_a_slash(catalog: Catalog) -> None:
    await offer(catalog, "one", "gpt")
    await offer(catalog, "router", "one/gpt")
    assert await upstreams(catalog, "one/gpt") == [("one", "gpt")]
    assert await upstreams(catalog, "router/one/gpt") == [("router", "one/gpt")]
    assert await visible(catalog) == ["gpt", "router/one/gpt"]


async def test_added_deployments_have_no_bare_name_and_hide_behind_their_alias(catalog: Catalog) -> None:
    await catalog.add_provider("mine")
    await catalog.add_model("fast", ("mine", "x"))
    assert await catalog.facade.routes_for(ORGANIZATION, "x") is None
    assert await upstreams(catalog, "mine/x") == [("mine", "x")]
    assert await visible(catalog) == ["fast"]


async def test_targets_keep_their_order_and_weights(catalog: Catalog) -> None:
    await catalog.add_provider("mine")
    async with catalog.writing() as store:
        await commands.create_deployment(store, commands.NewDeployment("mine", "a", weight=7))
        wishes = (commands.TargetWish("mine", "b", 3), commands.TargetWish("mine", "a"))
        await commands.create_model(store, commands.NewModel("fast", wishes))
    found = [(target.upstream_model, target.weight) for target in (await route(catalog, "fast")).targets]
    assert found == [("b", 3), ("a", 7)]


async def test_a_target_carries_its_credential(catalog: Catalog) -> None:
    await catalog.add_provider("mine")
    await catalog.add_model("fast", ("mine", "x"))
    (target,) = (await route(catalog, "fast")).targets
    assert target.credential is not None
    assert target.credential.reveal() == API_KEY
    assert API_KEY not in repr(target)
    assert target.private_network
    assert target.problem is None


async def test_disabled_deployments_are_hidden_and_not_callable(catalog: Catalog) -> None:
    await catalog.add_provider("mine")
    await catalog.add_model("fast", ("mine", "x"))
    async with catalog.writing() as store:
        (deployment,) = await store.deployments()
        await commands.change_deployment(store, deployment.id, commands.DeploymentChanges(enabled=False))
    assert await visible(catalog) == []
    assert [target.problem for target in (await route(catalog, "fast")).targets] == ["Its deployment is disabled."]


async def test_targets_know_their_cap(catalog: Catalog) -> None:
    await catalog.add_provider("mine")
    async with catalog.writing() as store:
        await commands.create_deployment(store, commands.NewDeployment("mine", "a", max_output_tokens=4096))
        await commands.create_deployment(store, commands.NewDeployment("mine", "b"))
    caps = [(await route(catalog, name)).targets[0].max_output_tokens for name in ("mine/a", "mine/b")]
    assert caps == [4096, None]


async def test_a_reference_that_does_not_resolve_says_so(catalog: Catalog) -> None:
    found = Offer("openai", "openai", "https://api.openai.com/v1", "env:OPENAI_API_KEY", ("gpt",))
    del catalog.environment["OPENAI_API_KEY"]
    await catalog.facade.offer_provider(ORGANIZATION, found)
    (target,) = (await route(catalog, "gpt")).targets
    assert target.credential is None
    assert target.problem is not None
    assert "OPENAI_API_KEY" in target.problem


async def test_requests_without_a_model_go_to_the_one_real_provider(catalog: Catalog) -> None:
    await catalog.facade.offer_demo(ORGANIZATION)
    assert (await catalog.facade.snapshot(ORGANIZATION)).whole_provider is None
    await offer(catalog, "one", "gpt")
    found = (await catalog.facade.snapshot(ORGANIZATION)).whole_provider
    assert found is not None
    assert (found.base_url, found.upstream_model, found.deployment_id) == ("https://one.example/v1", None, "")
    await offer(catalog, "two")
    assert (await catalog.facade.snapshot(ORGANIZATION)).whole_provider is None
