from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headworks.catalog import commands
from headworks.catalog.adapters.vault import SealedVault
from headworks.catalog.contracts import SHIPPED, NewPrice, Offer, Price
from headworks.catalog.errors import (
    BuiltIn,
    CredentialUnreadable,
    DeploymentNotFound,
    InUse,
    ModelNotFound,
    NameTaken,
    PriceNotFound,
    ProviderNotFound,
    ShippedPrice,
    UnknownProvider,
)
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Sealer, Secret
from tests.unit.catalog.conftest import API_KEY, ORGANIZATION, Catalog

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
OFFER = Offer("ollama", "openai", "http://127.0.0.1:11434/v1", None, ("llama", "qwen"))


async def change(catalog: Catalog, provider_id: str, **wish: object) -> None:
    changes = commands.ProviderChanges(**wish)  # type: ignore[arg-type]
    async with catalog.writing() as store:
        await commands.change_provider(store, catalog.vault, provider_id, changes, private_networks=True)


async def price(catalog: Catalog, **wish: object) -> Price:
    whole = {"provider": "openai", "upstream_model": "gpt", "rates": {"input": 1}, **wish}
    async with catalog.writing() as store:
        return await commands.create_price(store, NewPrice(**whole))  # type: ignore[arg-type]


async def test_a_secret_is_sealed_and_only_its_end_is_kept(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    assert provider.credential is not None
    assert (provider.credential.kind, provider.credential.last4) == ("sealed", API_KEY[-4:])
    assert API_KEY not in str(provider.credential.sealed)
    assert API_KEY not in repr(provider)
    opened = catalog.vault.open(provider)
    assert opened is not None
    assert opened.reveal() == API_KEY


async def test_a_short_secret_shows_nothing(catalog: Catalog) -> None:
    provider = await catalog.add_provider(api_key="short")
    assert provider.credential is not None
    assert provider.credential.last4 is None


@pytest.mark.parametrize("api_key", ["a b", "a\r\nx: y", "schlüssel", "\t", "x" * 8193])
async def test_a_secret_that_no_header_carries(catalog: Catalog, api_key: str) -> None:
    with pytest.raises(Invalid) as refused:
        await catalog.add_provider(api_key=api_key)
    assert refused.value.details[0].field == "api_key"
    assert api_key not in str(refused.value)


async def test_a_key_or_a_reference_but_not_both(catalog: Catalog) -> None:
    wish = commands.NewProvider(
        "a", "https://models.example", api_key=Secret("x"), credential_reference="env:OPENAI_API_KEY"
    )
    async with catalog.writing() as store:
        with pytest.raises(Invalid):
            await commands.create_provider(store, catalog.vault, wish, private_networks=True)
        with pytest.raises(Invalid):
            wish = replace(wish, api_key=None, credential_reference="vault:secret")
            await commands.create_provider(store, catalog.vault, wish, private_networks=True)


async def test_a_name_is_taken_once_and_free_again(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    with pytest.raises(NameTaken):
        await catalog.add_provider()
    async with catalog.writing() as store:
        await commands.remove_provider(store, provider.id)
    assert (await catalog.add_provider()).id != provider.id


async def test_a_new_secret_has_a_new_version(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    await change(catalog, provider.id, api_key=Secret("sk-another-long-secret"))
    async with catalog.reading() as store:
        changed = await store.provider(provider.id)
    assert changed is not None
    assert changed.credential is not None
    assert changed.credential.version == 2
    old = replace(changed, credential=provider.credential)
    assert catalog.vault.open(old) == Secret(API_KEY)
    swapped = replace(changed, credential=replace(provider.credential, version=2) if provider.credential else None)
    with pytest.raises(CredentialUnreadable):
        catalog.vault.open(swapped)


async def test_a_secret_does_not_follow_to_another_server(catalog: Catalog) -> None:
    provider = await catalog.add_provider(base_url="https://models.example/v1")
    with pytest.raises(Invalid) as refused:
        await change(catalog, provider.id, base_url="https://elsewhere.example/v1")
    assert refused.value.details[0].code == "credential_missing"
    await change(catalog, provider.id, base_url="https://models.example/v2")
    await change(catalog, provider.id, base_url="https://elsewhere.example/v1", api_key=Secret("sk-new"))
    await change(catalog, provider.id, base_url="https://third.example/v1", remove_credential=True)
    async with catalog.reading() as store:
        moved = await store.provider(provider.id)
    assert moved is not None
    assert (moved.base_url, moved.credential) == ("https://third.example/v1", None)


async def test_removing_and_giving_a_credential_contradict(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    with pytest.raises(Invalid):
        await change(catalog, provider.id, remove_credential=True, api_key=Secret("x"))


async def test_a_provider_in_use_stays_and_says_by_what(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    for number in range(7):
        await catalog.add_model(f"alias-{number}", ("openai", "gpt"))
    with pytest.raises(InUse) as refused:
        async with catalog.writing() as store:
            await commands.remove_provider(store, provider.id)
    assert "'alias-0'" in refused.value.message
    assert "2 more" in refused.value.message
    assert len(refused.value.details) == 7


async def test_a_deployment_in_use_stays(catalog: Catalog) -> None:
    await catalog.add_provider()
    await catalog.add_model("fast", ("openai", "gpt"))
    async with catalog.writing() as store:
        (deployment,) = await store.deployments()
        with pytest.raises(InUse):
            await commands.remove_deployment(store, deployment.id)
        (model,) = await store.models()
        await commands.remove_model(store, model.id)
        await commands.remove_deployment(store, deployment.id)
        assert await store.deployments() == []


async def test_an_unknown_provider_is_told_its_nearest_names(catalog: Catalog) -> None:
    await catalog.add_provider("openai")
    with pytest.raises(UnknownProvider) as refused:
        await catalog.add_model("fast", ("openia", "gpt"))
    assert refused.value.details[0].field == "targets.0.provider"
    assert "'openai'" in refused.value.message


async def test_an_alias_is_taken_once(catalog: Catalog) -> None:
    await catalog.add_provider()
    await catalog.add_model("fast", ("openai", "gpt"))
    with pytest.raises(NameTaken):
        await catalog.add_model("fast", ("openai", "other"))


async def test_a_model_has_targets_each_of_them_once(catalog: Catalog) -> None:
    await catalog.add_provider()
    for targets in ((), (("openai", "gpt"), ("openai", "gpt")), (("openai", "gpt"),) * 33):
        with pytest.raises(Invalid):
            await catalog.add_model("fast", *targets)
    assert await catalog.aliases() == []


async def test_weights_have_bounds(catalog: Catalog) -> None:
    await catalog.add_provider()
    for weight in (-1, 1001):
        async with catalog.writing() as store:
            with pytest.raises(Invalid):
                await commands.create_deployment(store, commands.NewDeployment("openai", "gpt", weight=weight))
            with pytest.raises(Invalid):
                wish = commands.NewModel("fast", (commands.TargetWish("openai", "gpt", weight),))
                await commands.create_model(store, wish)


async def test_what_is_not_there_cannot_be_changed(catalog: Catalog) -> None:
    async with catalog.writing() as store:
        with pytest.raises(ProviderNotFound):
            await commands.remove_provider(store, "prv_none")
        with pytest.raises(DeploymentNotFound):
            await commands.remove_deployment(store, "dep_none")
        with pytest.raises(DeploymentNotFound):
            await commands.change_deployment(store, "dep_none", commands.DeploymentChanges())
        with pytest.raises(ModelNotFound):
            await commands.remove_model(store, "mdl_none")
        with pytest.raises(PriceNotFound):
            await commands.remove_price(store, "prc_none")


async def test_a_new_price_ends_the_one_before(catalog: Catalog) -> None:
    await catalog.add_provider()
    first = await price(catalog)
    second = await price(catalog, rates={"input": 2})
    async with catalog.reading() as store:
        kept = await store.prices()
    assert kept == [replace(first, valid_to=second.valid_from, version=2), second]


async def test_a_price_names_a_provider_that_is_there(catalog: Catalog) -> None:
    with pytest.raises(UnknownProvider):
        await price(catalog)


@pytest.mark.parametrize("source", ["x" * 501, "a\0b"])
async def test_a_source_is_text_for_people(catalog: Catalog, source: str) -> None:
    await catalog.add_provider()
    with pytest.raises(Invalid):
        await price(catalog, source=source)


async def test_shipped_prices_load_once_and_cannot_be_removed(catalog: Catalog) -> None:
    dated = [NewPrice("openai", model, {"input": 1}, valid_from=BEGIN) for model in ("gpt", "mini")]
    assert await catalog.facade.load_shipped_prices(dated) == 2
    revision = await catalog.catalogs.revision(SHIPPED)
    assert await catalog.facade.load_shipped_prices(dated) == 0
    assert await catalog.catalogs.revision(SHIPPED) == revision
    async with catalog.writing() as store:
        with pytest.raises(ShippedPrice):
            await commands.remove_price(store, (await store.prices())[0].id)


async def test_a_newer_shipped_price_ends_the_older(catalog: Catalog) -> None:
    old = NewPrice("openai", "gpt", {"input": 1}, valid_from=BEGIN)
    await catalog.facade.load_shipped_prices([old])
    new = replace(old, rates={"input": 2}, valid_from=BEGIN.replace(year=2026))
    assert await catalog.facade.load_shipped_prices([old, new]) == 1
    async with catalog.reading() as store:
        assert [one.valid_to for one in await store.prices()] == [new.valid_from, None]


async def test_an_offer_is_matched_however_often(catalog: Catalog) -> None:
    first = await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    assert (first.added, first.withdrawn, first.kept) == (("llama", "qwen"), (), False)
    revision = await catalog.catalogs.revision(ORGANIZATION)
    again = await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    assert (again.provider, again.added, again.withdrawn) == (first.provider, (), ())
    assert await catalog.catalogs.revision(ORGANIZATION) == revision


async def test_models_that_vanished_are_withdrawn_unless_an_alias_needs_them(catalog: Catalog) -> None:
    await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    await catalog.add_model("mine", ("ollama", "llama"))
    done = await catalog.facade.offer_provider(ORGANIZATION, replace(OFFER, models=("new", "bad\0name")))
    assert (done.added, done.withdrawn, done.skipped) == (("new",), ("qwen",), ("bad\0name",))


async def test_an_offer_moves_a_discovered_provider(catalog: Catalog) -> None:
    await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    moved = replace(OFFER, base_url="http://127.0.0.1:9999/v1", credential_reference="env:OPENAI_API_KEY")
    done = await catalog.facade.offer_provider(ORGANIZATION, moved)
    assert done.provider.base_url == moved.base_url
    assert done.provider.credential is not None
    bare = await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    assert bare.provider.credential is None


async def test_what_a_person_added_is_left_alone(catalog: Catalog) -> None:
    provider = await catalog.add_provider("ollama", "http://127.0.0.1:1/v1")
    done = await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    assert (done.kept, done.provider) == (True, provider)
    assert not await catalog.facade.withdraw_provider(ORGANIZATION, "ollama")


async def test_a_provider_that_a_person_changed_is_theirs(catalog: Catalog) -> None:
    provider = (await catalog.facade.offer_provider(ORGANIZATION, OFFER)).provider
    await change(catalog, provider.id, base_url="http://127.0.0.1:1/v1")
    assert (await catalog.facade.offer_provider(ORGANIZATION, OFFER)).kept


async def test_a_provider_that_is_gone_is_withdrawn_unless_it_is_needed(catalog: Catalog) -> None:
    await catalog.facade.offer_provider(ORGANIZATION, OFFER)
    await catalog.add_model("mine", ("ollama", "llama"))
    assert not await catalog.facade.withdraw_provider(ORGANIZATION, "ollama")
    async with catalog.writing() as store:
        await commands.remove_model(store, (await store.models())[0].id)
    assert await catalog.facade.withdraw_provider(ORGANIZATION, "ollama")
    assert not await catalog.facade.withdraw_provider(ORGANIZATION, "ollama")
    assert await catalog.facade.visible_models(ORGANIZATION) == ()


async def test_the_demo_is_there_once_and_nobodys_to_change(catalog: Catalog) -> None:
    for _ in range(2):
        await catalog.facade.offer_demo(ORGANIZATION)
    assert await catalog.aliases() == ["headworks/echo"]
    async with catalog.writing() as store:
        (provider,), (deployment,) = await store.providers(), await store.deployments()
        (model,) = await store.models()
        with pytest.raises(BuiltIn):
            await commands.remove_provider(store, provider.id)
        with pytest.raises(BuiltIn):
            await commands.remove_deployment(store, deployment.id)
        with pytest.raises(BuiltIn):
            await commands.remove_model(store, model.id)
        with pytest.raises(BuiltIn):
            await commands.create_deployment(store, commands.NewDeployment("headworks", "other"))
        with pytest.raises(Invalid):
            await commands.create_model(store, commands.NewModel("x", (commands.TargetWish("headworks", "other"),)))
        await commands.create_model(store, commands.NewModel("mine", (commands.TargetWish("headworks", "echo"),)))
        await commands.change_deployment(store, deployment.id, commands.DeploymentChanges(enabled=False))


async def test_another_keyring_says_what_to_do(catalog: Catalog) -> None:
    provider = await catalog.add_provider()
    other = SealedVault(Sealer({"other": os.urandom(32)}, "other"), {})
    with pytest.raises(CredentialUnreadable) as refused:
        other.open(provider)
    assert "enter the credential again" in refused.value.message


async def test_a_file_that_holds_more_than_a_secret_is_not_sent_anywhere(catalog: Catalog, tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    provider = await catalog.add_provider(api_key=None)
    await change(catalog, provider.id, credential_reference=f"file:{secret_file}")
    async with catalog.reading() as store:
        changed = await store.provider(provider.id)
    assert changed is not None
    for content in (None, "two words", "line\nline"):
        if content is not None:
            secret_file.write_text(content)
        with pytest.raises(CredentialUnreadable):
            catalog.vault.open(changed)
    secret_file.write_text("sk-good\n")
    assert catalog.vault.open(changed) == Secret("sk-good")
