"""Lists and single things for people, with the names that they know them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.catalog.contracts import INSTALLATION, SHARED
from headworks.catalog.domain.snapshots import Contents, visible
from headworks.catalog.errors import DeploymentNotFound, ModelNotFound, PriceNotFound, ProviderNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.catalog.contracts import Deployment, Model, Origin, Price, Provider
    from headworks.catalog.ports import CatalogReader, Catalogs


@dataclass(frozen=True, slots=True)
class ShownDeployment:
    """A deployment, and its provider's name."""

    deployment: Deployment
    provider: str


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """A model's target with the names that people know it by, and its share as it counts."""

    deployment: Deployment
    provider: str
    weight: int


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A name that callers can use: an alias, or a deployment's own name."""

    id: str
    alias: str
    is_alias: bool
    """Whether somebody made it. Otherwise it is the deployment's own, and goes with it."""
    targets: tuple[ShownTarget, ...]
    origin: Origin
    created_at: datetime
    updated_at: datetime
    version: int
    is_shared: bool
    """Whether it is the whole installation's."""


async def provider(store: CatalogReader, wanted: str) -> Provider:
    """By id or name. Raises ProviderNotFound."""
    found = await store.provider(wanted) or await store.provider_named(wanted)
    if found is None:
        raise ProviderNotFound(wanted)
    return found


async def deployments(store: CatalogReader, provider: str | None) -> list[ShownDeployment]:
    """All, or those of one provider by id or name. Of an unknown provider there are none."""
    names = {one.id: one.name for one in await store.providers()}
    return [
        ShownDeployment(one, names[one.provider_id])
        for one in await store.deployments()
        if provider is None or provider in (one.provider_id, names[one.provider_id])
    ]


async def deployment(store: CatalogReader, deployment_id: str) -> ShownDeployment:
    """Raises DeploymentNotFound."""
    found = await store.deployment(deployment_id)
    owner = await store.provider(found.provider_id) if found else None
    if found is None or owner is None:
        raise DeploymentNotFound(deployment_id)
    return ShownDeployment(found, owner.name)


async def models(store: CatalogReader) -> list[ShownModel]:
    """Every alias, those that cannot be used now among them, and every deployment that has no alias; by name."""
    contents = Contents(await store.providers(), await store.deployments(), await store.models())
    by_id = {deployment.id: deployment for deployment in contents.deployments}
    shown = [_alias(model, by_id, contents) for model in contents.models]
    aliases = {model.id for model in contents.models}
    shown += [_own_name(one.name, by_id[one.id], contents) for one in visible(contents) if one.id not in aliases]
    return sorted(shown, key=lambda model: model.alias)


async def model(store: CatalogReader, wanted: str) -> ShownModel:
    """One of those that the store's owner has, by id or name. Raises ModelNotFound."""
    return wanted_of(await models(store), wanted)


def wanted_of(shown: Iterable[ShownModel], wanted: str) -> ShownModel:
    """The one with this id or name. Raises ModelNotFound."""
    for found in shown:
        if wanted in (found.id, found.alias):
            return found
    raise ModelNotFound(wanted)


async def usable_models(catalogs: Catalogs, owner: str) -> list[ShownModel]:
    """What `models` shows, and what is shared with the organisation under names that it has not; by name."""
    async with catalogs.reading(owner) as store:
        own = await models(store)
    if owner in SHARED:
        return own
    async with catalogs.reading(INSTALLATION) as store:
        shared = await models(store)
    taken = {model.alias for model in own}
    return sorted([*own, *(model for model in shared if model.alias not in taken)], key=lambda model: model.alias)


async def price(store: CatalogReader, price_id: str) -> Price:
    """Raises PriceNotFound."""
    found = await store.price(price_id)
    if found is None:
        raise PriceNotFound(price_id)
    return found


def _alias(model: Model, by_id: dict[str, Deployment], contents: Contents) -> ShownModel:
    targets = []
    for target in model.targets:
        deployment = by_id[target.deployment_id]
        weight = deployment.weight if target.weight is None else target.weight
        targets.append(ShownTarget(deployment, contents.providers[deployment.provider_id].name, weight))
    return ShownModel(
        id=model.id,
        alias=model.alias,
        is_alias=True,
        targets=tuple(targets),
        origin=model.origin,
        created_at=model.created_at,
        updated_at=model.updated_at,
        version=model.version,
        is_shared=model.organization_id in SHARED,
    )


def _own_name(name: str, deployment: Deployment, contents: Contents) -> ShownModel:
    target = ShownTarget(deployment, contents.providers[deployment.provider_id].name, deployment.weight)
    return ShownModel(
        id=deployment.id,
        alias=name,
        is_alias=False,
        targets=(target,),
        origin=deployment.origin,
        created_at=deployment.created_at,
        updated_at=deployment.updated_at,
        version=deployment.version,
        is_shared=deployment.organization_id in SHARED,
    )
