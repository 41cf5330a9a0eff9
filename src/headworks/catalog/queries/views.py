"""The catalog as other contexts read it: an organisation's snapshot for the gateway, the price book for rating."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.catalog.contracts import INSTALLATION, SHIPPED, PriceBook
from headworks.catalog.domain import addresses
from headworks.catalog.domain.snapshots import Contents, snapshot, with_shared
from headworks.catalog.errors import CredentialUnreadable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.catalog.contracts import Price, Provider, Snapshot
    from headworks.catalog.ports import Catalogs, PricedProvider, Vault
    from headworks.kernel.secrets import Secret

_log = logger(__name__)


async def organization_snapshot(
    catalogs: Catalogs, vault: Vault, organization_id: str, *, private_networks: bool
) -> Snapshot:
    """What the organisation can call, its own and the installation's, with credentials opened. Raises what the store raises."""
    own = await _snapshot(catalogs, vault, organization_id, private_networks=private_networks)
    shared = await _snapshot(catalogs, vault, INSTALLATION, private_networks=private_networks)
    return with_shared(own, shared)


async def snapshot_revision(catalogs: Catalogs, organization_id: str) -> int:
    """Moves with every change of `organization_snapshot`: revisions only rise. Raises what the store raises."""
    return await catalogs.revision(organization_id) + await catalogs.revision(INSTALLATION)


async def _snapshot(catalogs: Catalogs, vault: Vault, owner: str, *, private_networks: bool) -> Snapshot:
    async with catalogs.reading(owner) as store:
        revision = await store.revision()
        providers = await store.providers()
        deployments = await store.deployments()
        models = await store.models()
    secrets, problems = _opened(vault, providers)
    contents = Contents(providers, deployments, models, secrets, problems)
    return snapshot(owner, revision, contents, private_networks=private_networks)


async def price_book(catalogs: Catalogs) -> PriceBook:
    """Every price of everybody, for rating usage. Raises what the store raises."""
    revision, prices, providers = await catalogs.price_history()
    by_model: dict[tuple[str, str, str], list[Price]] = {}
    for price in sorted(prices, key=lambda price: price.valid_from):
        by_model.setdefault((price.owner, price.provider, price.model), []).append(price)
    return PriceBook(
        {key: tuple(found) for key, found in by_model.items()},
        {provider.id: _price_lists(provider) for provider in providers},
        revision,
    )


def _price_lists(provider: PricedProvider) -> tuple[tuple[str, str], ...]:
    """Where to look, in this order: the organisation's own prices, then the list prices of whoever is behind it."""
    own = (provider.organization_id, provider.name)
    kind = addresses.kind_of(provider.base_url)
    return (own,) if kind is None else (own, (SHIPPED, kind))


def _opened(vault: Vault, providers: Iterable[Provider]) -> tuple[dict[str, Secret], dict[str, str]]:
    secrets: dict[str, Secret] = {}
    problems: dict[str, str] = {}
    for provider in providers:
        try:
            secret = vault.open(provider)
        except CredentialUnreadable as error:
            problems[provider.id] = error.message
            _log.warning("provider cannot be used", provider=provider.name, reason=error.message, detail=error.detail)
            continue
        if secret is not None:
            secrets[provider.id] = secret
    return secrets, problems
