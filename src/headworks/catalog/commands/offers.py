"""What discovery finds at start-up, and the built-in demo. Safe to run at every start; a person's work is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.catalog.commands.deployments import new_deployment
from headworks.catalog.commands.providers import NewProvider, create_provider
from headworks.catalog.contracts import Model, ModelTarget, Offered, Provider, StoredCredential
from headworks.catalog.domain import addresses, audited, names
from headworks.kernel.audit import Change
from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.secrets import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.catalog.contracts import Offer
    from headworks.catalog.ports import CatalogStore, Vault

DEMO_PROVIDER = "headworks"
DEMO_MODEL = "echo"


async def offer_provider(store: CatalogStore, vault: Vault, offer: Offer, *, private_networks: bool) -> Offered:
    """Make the catalog match what was found. Raises Invalid when the offer itself makes no sense.

    A model that vanished is withdrawn, unless an alias needs it: then its upstream may say what is wrong.
    """
    provider = await store.provider_named(offer.name)
    if provider is not None and provider.origin != "discovered":
        return Offered(provider, kept=True, added=(), withdrawn=(), skipped=())
    if provider is None:
        wish = NewProvider(offer.name, offer.base_url, offer.dialect, None, offer.credential_reference)
        provider = await create_provider(store, vault, wish, private_networks=private_networks, origin="discovered")
    else:
        provider = await _refreshed(store, provider, offer, private_networks=private_networks)
    wanted, skipped = _usable(offer.models)
    added, withdrawn = await _match_models(store, provider, wanted)
    if added or withdrawn:
        # One entry for a server's whole list, which may be of hundreds.
        view = {"provider": provider.name, "added": list(added), "withdrawn": list(withdrawn)}
        store.audit(Change("provider.discovered", "provider", provider.id, None, view))
    return Offered(provider, kept=False, added=added, withdrawn=withdrawn, skipped=skipped)


async def withdraw_provider(store: CatalogStore, name: str) -> bool:
    """Take back a discovered provider that is gone. False, and nothing done, where an alias or a person needs it."""
    provider = await store.provider_named(name)
    if provider is None or provider.origin != "discovered":
        return False
    deployments = await store.deployments(provider.id)
    if any(deployment.origin != "discovered" for deployment in deployments):
        return False
    if await _used(store) & {deployment.id for deployment in deployments}:
        return False
    await store.remove_deployments(deployment.id for deployment in deployments)
    await store.retire_provider(provider.id, now())
    store.audit(audited.provider("withdrawn", provider, None))
    return True


async def offer_demo(store: CatalogStore) -> None:
    """The built-in demo model, `headworks/echo`."""
    if await store.provider_named(DEMO_PROVIDER):
        return
    at = now()
    provider = Provider(
        id=new_id("prv"),
        organization_id=store.organization_id,
        name=DEMO_PROVIDER,
        dialect="echo",
        base_url=f"http://{addresses.DEMO_HOST}/v1",
        credential=None,
        origin="builtin",
        created_at=at,
        updated_at=at,
    )
    deployment = new_deployment(provider, DEMO_MODEL, "builtin")
    model = Model(
        id=new_id("mdl"),
        organization_id=store.organization_id,
        alias=names.qualified(DEMO_PROVIDER, DEMO_MODEL),
        targets=(ModelTarget(deployment.id),),
        origin="builtin",
        created_at=at,
        updated_at=at,
    )
    await store.add_provider(provider)
    await store.add_deployments([deployment])
    await store.add_model(model)
    for change in (
        audited.provider("created", None, provider),
        audited.deployment("created", None, deployment),
        audited.model("created", None, model),
    ):
        store.audit(change)


async def _refreshed(store: CatalogStore, provider: Provider, offer: Offer, *, private_networks: bool) -> Provider:
    base_url = addresses.base_url(offer.base_url, private_networks=private_networks)
    credential = _credential(provider, offer.credential_reference)
    if (base_url, credential, offer.dialect) == (provider.base_url, provider.credential, provider.dialect):
        return provider
    changed = replace(
        provider,
        base_url=base_url,
        credential=credential,
        dialect=offer.dialect,
        updated_at=now(),
        private_network=private_networks,
        version=provider.version + 1,
    )
    await store.change_provider(changed)
    store.audit(audited.provider("changed", provider, changed))
    return changed


def _credential(provider: Provider, reference: str | None) -> StoredCredential | None:
    present = provider.credential
    if reference is None:
        return None
    if present is not None and present.reference == reference:
        return present
    version = present.version + 1 if present else 1
    parse_reference(reference, "credential_reference")
    return StoredCredential("reference", version, reference=reference)


def _usable(models: Iterable[str]) -> tuple[dict[str, None], tuple[str, ...]]:
    usable: dict[str, None] = {}
    skipped: list[str] = []
    for model in models:
        try:
            usable[names.upstream_model(model)] = None
        except Invalid:
            skipped.append(model)
    return usable, tuple(skipped)


async def _match_models(
    store: CatalogStore, provider: Provider, wanted: dict[str, None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    present = {deployment.upstream_model: deployment for deployment in await store.deployments(provider.id)}
    added = [new_deployment(provider, model, "discovered") for model in wanted if model not in present]
    used = await _used(store)
    gone = [
        deployment
        for model, deployment in present.items()
        if model not in wanted and deployment.origin == "discovered" and deployment.id not in used
    ]
    if added:
        await store.add_deployments(added)
    if gone:
        await store.remove_deployments(deployment.id for deployment in gone)
    return (
        tuple(deployment.upstream_model for deployment in added),
        tuple(deployment.upstream_model for deployment in gone),
    )


async def _used(store: CatalogStore) -> set[str]:
    return {target.deployment_id for model in await store.models() for target in model.targets}
