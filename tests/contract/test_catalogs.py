"""The contract of `catalog.ports.Catalogs`, held by every adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from headworks.catalog.contracts import (
    SHIPPED,
    Deployment,
    Model,
    ModelTarget,
    Price,
    Provider,
    Rates,
    StoredCredential,
)
from headworks.catalog.errors import NameTaken
from headworks.catalog.ports import Catalogs
from headworks.kernel.errors import Stale
from tests.contract.conftest import Announced

NOON = datetime(2026, 1, 2, 12, 0, 0, 7, tzinfo=UTC)
SEALED = StoredCredential("sealed", 3, sealed="hw1.text", last4="abcd")
REFERENCE = StoredCredential("reference", 1, reference="env:NAME")


def provider(number: int, *, organization: str = "org_1", credential: StoredCredential | None = None) -> Provider:
    return Provider(
        id=f"prv_{organization}_{number}",
        organization_id=organization,
        name=f"provider-{number}",
        dialect="openai",
        base_url="https://models.example/v1",
        credential=credential,
        origin="manual",
        created_at=NOON,
        updated_at=NOON,
    )


def deployment(number: int, of: Provider) -> Deployment:
    return Deployment(
        id=f"dep_{of.id}_{number}",
        organization_id=of.organization_id,
        provider_id=of.id,
        upstream_model=f"model-{number}",
        weight=2,
        stream_usage=False,
        enabled=True,
        max_output_tokens=4096 if number % 2 else None,
        origin="discovered",
        created_at=NOON,
        updated_at=NOON,
    )


def model(alias: str, *targets: ModelTarget) -> Model:
    return Model(f"mdl_{alias}", "org_1", alias, targets, "manual", NOON, NOON)


def price(number: int, *, owner: str = "org_1", valid_from: datetime = NOON) -> Price:
    return Price(
        id=f"prc_{number}",
        owner=owner,
        provider="provider-1",
        model="model-1",
        rates=Rates(*range(number, number + 12)),
        valid_from=valid_from,
        valid_to=None,
        source="https://prices.example",
        as_of=date(2026, 1, 1),
        created_at=NOON,
    )


@pytest.mark.parametrize("credential", [None, SEALED, REFERENCE])
async def test_a_provider_comes_back_as_it_was(catalogs: Catalogs, credential: StoredCredential | None) -> None:
    kept = provider(1, credential=credential)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(kept)
        assert await store.provider(kept.id) == kept
    async with catalogs.reading("org_1") as store:
        assert await store.provider_named("provider-1") == kept
        assert await store.providers() == [kept]


async def test_nothing_crosses_organisations(catalogs: Catalogs) -> None:
    mine, theirs = provider(1), provider(1, organization="org_2")
    async with catalogs.writing("org_1") as store:
        await store.add_provider(mine)
        await store.add_deployments([deployment(1, mine)])
        await store.add_model(model("fast", ModelTarget(deployment(1, mine).id)))
        await store.add_prices([price(1)])
    async with catalogs.writing("org_2") as store:
        await store.add_provider(theirs)
        assert await store.provider(mine.id) is None
        assert await store.provider_named("provider-1") == theirs
        assert await store.deployments() == []
        assert await store.deployment(deployment(1, mine).id) is None
        assert await store.deployment_of(mine.id, "model-1") is None
        assert await store.models() == []
        assert await store.model("mdl_fast") is None
        assert await store.model_named("fast") is None
        assert await store.prices() == []
        assert await store.price("prc_1") is None


async def test_a_retired_provider_leaves_its_name_and_its_price_list(catalogs: Catalogs) -> None:
    old = provider(1, credential=SEALED)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(old)
    async with catalogs.writing("org_1") as store:
        await store.retire_provider(old.id, NOON)
        await store.add_provider(replace(provider(1), id="prv_new"))
    async with catalogs.reading("org_1") as store:
        assert [one.id for one in await store.providers()] == ["prv_new"]
        assert await store.provider(old.id) is None
    _, _, known = await catalogs.price_history()
    assert {(one.id, one.name) for one in known} == {(old.id, "provider-1"), ("prv_new", "provider-1")}


async def test_a_provider_is_changed(catalogs: Catalogs) -> None:
    async with catalogs.writing("org_1") as store:
        await store.add_provider(provider(1, credential=SEALED))
    changed = replace(
        provider(1), base_url="https://elsewhere.example", credential=REFERENCE, origin="discovered", version=2
    )
    async with catalogs.writing("org_1") as store:
        await store.change_provider(changed)
    async with catalogs.reading("org_1") as store:
        assert await store.providers() == [changed]


async def test_a_name_is_given_once(catalogs: Catalogs) -> None:
    first = provider(1)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(first)
        await store.add_deployments([deployment(1, first)])
        await store.add_model(model("fast", ModelTarget(deployment(1, first).id)))
        await store.add_prices([price(1)])
    with pytest.raises(NameTaken):
        async with catalogs.writing("org_1") as store:
            await store.add_provider(replace(first, id="prv_other"))
    with pytest.raises(NameTaken):
        async with catalogs.writing("org_1") as store:
            await store.add_deployments([replace(deployment(1, first), id="dep_other")])
    with pytest.raises(NameTaken):
        async with catalogs.writing("org_1") as store:
            await store.add_model(replace(model("fast", ModelTarget(deployment(1, first).id)), id="mdl_other"))
    with pytest.raises(NameTaken):
        async with catalogs.writing("org_1") as store:
            await store.add_prices([replace(price(2), valid_from=NOON)])


async def test_a_model_keeps_the_order_of_its_targets(catalogs: Catalogs) -> None:
    owner = provider(1)
    targets = [ModelTarget(deployment(number, owner).id, weight) for number, weight in ((3, None), (1, 5), (2, 1))]
    kept = model("fast", *targets)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(owner)
        await store.add_deployments([deployment(number, owner) for number in (1, 2, 3)])
        await store.add_model(kept)
        await store.add_model(model("slow", targets[0]))
    async with catalogs.reading("org_1") as store:
        assert await store.models() == [kept, model("slow", targets[0])]
        assert await store.model_named("fast") == kept
    turned = replace(kept, targets=tuple(reversed(targets)), updated_at=NOON + timedelta(seconds=1), version=2)
    async with catalogs.writing("org_1") as store:
        await store.change_model(turned)
        await store.remove_model("mdl_slow")
    async with catalogs.reading("org_1") as store:
        assert await store.models() == [turned]


async def test_what_somebody_else_changed_is_not_overwritten(catalogs: Catalogs) -> None:
    owner = provider(1)
    one = deployment(1, owner)
    alias = model("fast", ModelTarget(one.id))
    async with catalogs.writing("org_1") as store:
        await store.add_provider(owner)
        await store.add_deployments([one])
        await store.add_model(alias)
    for version in (1, 3):
        with pytest.raises(Stale):
            async with catalogs.writing("org_1") as store:
                await store.change_provider(replace(owner, version=version))
        with pytest.raises(Stale):
            async with catalogs.writing("org_1") as store:
                await store.change_deployment(replace(one, version=version))
        with pytest.raises(Stale):
            async with catalogs.writing("org_1") as store:
                await store.change_model(replace(alias, version=version))
    async with catalogs.reading("org_1") as store:
        assert (await store.providers(), await store.deployments(), await store.models()) == ([owner], [one], [alias])


async def test_deployments_are_changed_and_removed(catalogs: Catalogs) -> None:
    owner, other = provider(1), provider(2)
    first, second = deployment(1, owner), deployment(2, owner)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(owner)
        await store.add_provider(other)
        await store.add_deployments([second, first, deployment(1, other)])
    async with catalogs.writing("org_1") as store:
        assert await store.deployments(owner.id) == [first, second]
        await store.change_deployment(replace(first, enabled=False, version=2))
        await store.remove_deployments([second.id])
    async with catalogs.reading("org_1") as store:
        assert await store.deployments(owner.id) == [replace(first, enabled=False, version=2)]
        assert await store.deployment_of(owner.id, "model-1") == replace(first, enabled=False, version=2)


async def test_own_and_shipped_prices_are_listed_together(catalogs: Catalogs) -> None:
    shipped, early, late = (
        price(1, owner=SHIPPED),
        price(2, valid_from=NOON - timedelta(days=1)),
        price(3),
    )
    async with catalogs.writing(SHIPPED) as store:
        await store.add_prices([shipped])
    async with catalogs.writing("org_1") as store:
        await store.add_prices([late, early])
        await store.end_price(early.id, NOON)
    async with catalogs.reading("org_1") as store:
        assert await store.prices() == [replace(early, valid_to=NOON, version=2), late, shipped]
        assert await store.price(shipped.id) == shipped
    async with catalogs.writing("org_1") as store:
        await store.remove_price(late.id)
    _, prices, _ = await catalogs.price_history()
    assert {one.id for one in prices} == {shipped.id, early.id}


async def test_a_change_moves_the_revision_and_is_announced_once(catalogs: Catalogs, announced: Announced) -> None:
    assert (await catalogs.revision("org_1"), await catalogs.price_revision()) == (0, 0)
    async with catalogs.writing("org_1") as store:
        await store.add_provider(provider(1))
        await store.add_provider(provider(2))
        assert announced.take() == []
    assert announced.take() == ["org_1"]
    async with catalogs.writing(SHIPPED) as store:
        await store.add_prices([price(1, owner=SHIPPED)])
    assert announced.take() == [None]
    assert (await catalogs.revision("org_1"), await catalogs.revision("org_2")) == (1, 0)
    assert await catalogs.price_revision() == 2
    async with catalogs.reading("org_1") as store:
        assert await store.revision() == 1


async def test_looking_changes_nothing(catalogs: Catalogs, announced: Announced) -> None:
    async with catalogs.writing("org_1") as store:
        assert await store.providers() == []
    assert await catalogs.revision("org_1") == 0
    assert announced.take() == []


async def test_a_failed_transaction_leaves_nothing(catalogs: Catalogs, announced: Announced) -> None:
    async def fail() -> None:
        async with catalogs.writing("org_1") as store:
            await store.add_provider(provider(1))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with catalogs.reading("org_1") as store:
        assert await store.providers() == []
    assert await catalogs.revision("org_1") == 0
    assert announced.take() == []


async def test_a_view_is_of_one_moment(catalogs: Catalogs) -> None:
    async with catalogs.writing("org_1") as store:
        await store.add_provider(provider(1))
    async with catalogs.reading("org_1") as view:
        assert await view.revision() == 1
        async with catalogs.writing("org_1") as store:
            await store.add_provider(provider(2))
        assert [one.name for one in await view.providers()] == ["provider-1"]


async def test_names_are_equal_byte_for_byte(catalogs: Catalogs) -> None:
    aliases = ["gpt", "Gpt", "gpt ", "\u00e9", "e\u0301", "\u00df", "ss", "a/b", "\U0001f600"]
    target = ModelTarget(deployment(1, provider(1)).id)
    made = [replace(model(alias, target), id=f"mdl_{number}") for number, alias in enumerate(aliases)]
    async with catalogs.writing("org_1") as store:
        await store.add_provider(provider(1))
        await store.add_deployments([deployment(1, provider(1))])
        for one in made:
            await store.add_model(one)
    async with catalogs.reading("org_1") as store:
        assert [one.alias for one in await store.models()] == sorted(aliases)
        for one in made:
            assert await store.model_named(one.alias) == one
        assert await store.model_named("GPT") is None


async def test_a_long_secret_is_kept_whole(catalogs: Catalogs) -> None:
    sealed = StoredCredential("sealed", 3, sealed="x" * 100_000, last4="abcd")
    async with catalogs.writing("org_1") as store:
        await store.add_provider(provider(1, credential=sealed))
    async with catalogs.reading("org_1") as store:
        assert await store.providers() == [provider(1, credential=sealed)]
