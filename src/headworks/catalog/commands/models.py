"""Add, change and remove models: the aliases that callers use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.catalog.commands.deployments import find_provider, new_deployment
from headworks.catalog.contracts import Model, ModelTarget
from headworks.catalog.domain import audited, names
from headworks.catalog.domain.weights import check_weight
from headworks.catalog.errors import BuiltIn, ModelNotFound, NameTaken
from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.versions import check_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.catalog.ports import CatalogStore

MOST_TARGETS = 32


@dataclass(frozen=True, slots=True)
class TargetWish:
    """A deployment by its provider (name or id) and upstream model; it is made when there is none yet."""

    provider: str
    upstream_model: str
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class NewModel:
    """An alias as somebody wrote it down, with the targets in the order in which they take over."""

    alias: str
    targets: tuple[TargetWish, ...]


async def create_model(store: CatalogStore, wish: NewModel) -> Model:
    """Raises Invalid, UnknownProvider, NameTaken."""
    alias = names.alias(wish.alias)
    if await store.model_named(alias):
        raise NameTaken("alias", f"there is a model {alias!r} already; change it, or choose another alias")
    at = now()
    model = Model(
        id=new_id("mdl"),
        organization_id=store.organization_id,
        alias=alias,
        targets=await _targets(store, wish.targets),
        origin="manual",
        created_at=at,
        updated_at=at,
    )
    await store.add_model(model)
    store.audit(audited.model("created", None, model))
    return model


async def change_model(
    store: CatalogStore, model_id: str, targets: Sequence[TargetWish], expected: int | None = None
) -> Model:
    """Point an alias elsewhere. Raises ModelNotFound, Stale, BuiltIn, Invalid, UnknownProvider."""
    model = await _own(store, model_id, expected)
    changed = replace(model, targets=await _targets(store, targets), updated_at=now(), version=model.version + 1)
    await store.change_model(changed)
    store.audit(audited.model("changed", model, changed))
    return changed


async def remove_model(store: CatalogStore, model_id: str, expected: int | None = None) -> None:
    """Its deployments stay, under their own names. Raises ModelNotFound, Stale, BuiltIn."""
    model = await _own(store, model_id, expected)
    await store.remove_model(model_id)
    store.audit(audited.model("removed", model, None))


async def _own(store: CatalogStore, model_id: str, expected: int | None) -> Model:
    model = await store.model(model_id)
    if model is None:
        raise ModelNotFound(model_id)
    check_version(expected, model.version)
    if model.origin == "builtin":
        raise BuiltIn("model", model.alias)
    return model


async def _targets(store: CatalogStore, wishes: Sequence[TargetWish]) -> tuple[ModelTarget, ...]:
    if not 1 <= len(wishes) <= MOST_TARGETS:
        raise Invalid.field("targets", "out_of_range", f"must hold 1 to {MOST_TARGETS} targets")
    targets: list[ModelTarget] = []
    for place, wish in enumerate(wishes):
        target = await _target(store, wish, f"targets.{place}")
        if any(target.deployment_id == other.deployment_id for other in targets):
            raise Invalid.field(f"targets.{place}", "duplicate", "is in the list already; raise that one's weight")
        targets.append(target)
    return tuple(targets)


async def _target(store: CatalogStore, wish: TargetWish, field: str) -> ModelTarget:
    provider = await find_provider(store, wish.provider, f"{field}.provider")
    upstream = names.upstream_model(wish.upstream_model, f"{field}.upstream_model")
    weight = None if wish.weight is None else check_weight(wish.weight, f"{field}.weight")
    deployment = await store.deployment_of(provider.id, upstream)
    if deployment is None:
        if provider.origin == "builtin":
            raise Invalid.field(
                f"{field}.upstream_model", "unknown", f"the demo provider {provider.name!r} has one model, echo"
            )
        deployment = new_deployment(provider, upstream, "manual")
        await store.add_deployments([deployment])
        store.audit(audited.deployment("created", None, deployment))
    return ModelTarget(deployment.id, weight)
