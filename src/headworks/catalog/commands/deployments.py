"""Add, change and remove deployments: one model at one provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.catalog.contracts import Deployment, Origin, Provider
from headworks.catalog.domain import audited, names
from headworks.catalog.domain.caps import check_cap
from headworks.catalog.domain.weights import check_weight
from headworks.catalog.errors import BuiltIn, DeploymentNotFound, InUse, NameTaken, UnknownProvider
from headworks.kernel.clock import now
from headworks.kernel.ids import new_id
from headworks.kernel.versions import check_version

if TYPE_CHECKING:
    from headworks.catalog.ports import CatalogReader, CatalogStore


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """A deployment as somebody wrote it down."""

    provider: str
    """The provider's name or id."""
    upstream_model: str
    weight: int = 1
    stream_usage: bool = True
    enabled: bool = True
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class DeploymentChanges:
    """What is to be different; None leaves a field as it is."""

    weight: int | None = None
    stream_usage: bool | None = None
    enabled: bool | None = None
    max_output_tokens: int | None = None
    forgets_cap: bool = False
    """Whether `max_output_tokens` is to be None: not known."""
    expected_version: int | None = None


async def create_deployment(store: CatalogStore, wish: NewDeployment) -> Deployment:
    """Raises Invalid, UnknownProvider, BuiltIn, NameTaken."""
    provider = await find_provider(store, wish.provider, "provider")
    if provider.origin == "builtin":
        raise BuiltIn("provider", provider.name)
    model = names.upstream_model(wish.upstream_model)
    if await store.deployment_of(provider.id, model):
        raise NameTaken("upstream_model", f"the provider {provider.name!r} has a deployment of {model!r} already")
    deployment = new_deployment(
        provider,
        model,
        "manual",
        weight=check_weight(wish.weight, "weight"),
        stream_usage=wish.stream_usage,
        enabled=wish.enabled,
        max_output_tokens=check_cap(wish.max_output_tokens),
    )
    await store.add_deployments([deployment])
    store.audit(audited.deployment("created", None, deployment))
    return deployment


async def change_deployment(store: CatalogStore, deployment_id: str, wish: DeploymentChanges) -> Deployment:
    """Raises DeploymentNotFound, Stale, Invalid."""
    deployment = await _existing(store, deployment_id, wish.expected_version)
    changed = replace(
        deployment,
        weight=deployment.weight if wish.weight is None else check_weight(wish.weight, "weight"),
        stream_usage=deployment.stream_usage if wish.stream_usage is None else wish.stream_usage,
        enabled=deployment.enabled if wish.enabled is None else wish.enabled,
        max_output_tokens=_changed_cap(deployment, wish),
        updated_at=now(),
        version=deployment.version + 1,
    )
    await store.change_deployment(changed)
    store.audit(audited.deployment("changed", deployment, changed))
    return changed


async def remove_deployment(store: CatalogStore, deployment_id: str, expected: int | None = None) -> None:
    """Raises DeploymentNotFound, Stale, BuiltIn, and InUse while a model needs it."""
    deployment = await _existing(store, deployment_id, expected)
    if deployment.origin == "builtin":
        raise BuiltIn("deployment", deployment.upstream_model)
    users = [
        model.alias
        for model in await store.models()
        if any(target.deployment_id == deployment_id for target in model.targets)
    ]
    if users:
        raise InUse(f"deployment of {deployment.upstream_model!r}", users)
    await store.remove_deployments([deployment_id])
    store.audit(audited.deployment("removed", deployment, None))


async def find_provider(store: CatalogReader, wanted: str, field: str) -> Provider:
    """By name or id. Raises UnknownProvider with the nearest names."""
    found = await store.provider_named(wanted) or await store.provider(wanted)
    if found is None:
        raise UnknownProvider(field, wanted, [provider.name for provider in await store.providers()])
    return found


def new_deployment(
    provider: Provider,
    upstream_model: str,
    origin: Origin,
    *,
    weight: int = 1,
    stream_usage: bool = True,
    enabled: bool = True,
    max_output_tokens: int | None = None,
) -> Deployment:
    """A deployment that is not stored yet."""
    at = now()
    return Deployment(
        id=new_id("dep"),
        organization_id=provider.organization_id,
        provider_id=provider.id,
        upstream_model=upstream_model,
        weight=weight,
        stream_usage=stream_usage,
        enabled=enabled,
        origin=origin,
        created_at=at,
        updated_at=at,
        max_output_tokens=max_output_tokens,
    )


def _changed_cap(deployment: Deployment, wish: DeploymentChanges) -> int | None:
    if wish.forgets_cap:
        return None
    return deployment.max_output_tokens if wish.max_output_tokens is None else check_cap(wish.max_output_tokens)


async def _existing(store: CatalogStore, deployment_id: str, expected: int | None) -> Deployment:
    deployment = await store.deployment(deployment_id)
    if deployment is None:
        raise DeploymentNotFound(deployment_id)
    check_version(expected, deployment.version)
    return deployment
