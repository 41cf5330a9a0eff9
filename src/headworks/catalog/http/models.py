"""Models over HTTP: the names that callers use. Aliases are made here; deployments bring names of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import Field

from headworks.catalog import commands
from headworks.catalog.contracts import Origin
from headworks.catalog.errors import BuiltIn, ModelNotFound, NameTaken, NotAnAlias, UnknownProvider
from headworks.catalog.http.chosen import ChosenCatalog, Owner
from headworks.catalog.http.shapes import ALIAS, TARGETS, WEIGHT
from headworks.catalog.ports import CatalogStore
from headworks.catalog.queries import resources
from headworks.kernel.pagination import PageRequest, page_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    Whole,
    envelope,
    page_envelope,
    paged,
    raises,
    require,
)

router = Router("/models")

_Paging = Annotated[
    PageRequest, paged("alias", alias=str, kind=str, origin=str, created_at=datetime, updated_at=datetime)
]
_Reader = Annotated[Principal, require("models:read")]
_Writer = Annotated[Principal, require("models:write")]


class TargetIn(StrictModel):
    """Where requests go. The deployment is made when the provider has none of that model yet."""

    provider: str
    upstream_model: str
    weight: Whole | None = Field(None, json_schema_extra=WEIGHT)


class NewModelIn(StrictModel):
    """An alias to make. Traffic is shared by weight; targets of weight 0 take over when all others have failed."""

    alias: str = Field(json_schema_extra=ALIAS, examples=["fast"])
    targets: list[TargetIn] = Field(json_schema_extra=TARGETS)


class ModelChangesIn(StrictModel):
    """Where the alias points from now on."""

    targets: list[TargetIn] = Field(json_schema_extra=TARGETS)


class TargetOut(ResponseModel):
    """One deployment behind a model."""

    deployment_id: str
    provider: str
    upstream_model: str
    weight: int
    enabled: bool


class ModelOut(Versioned):
    """A name that callers can use."""

    alias: str
    kind: Literal["alias", "deployment"]
    """`alias`: made by somebody; `deployment`: the own name of a deployment, and gone with it."""
    targets: list[TargetOut]
    origin: Origin
    owner: Owner
    """`installation`: every organisation can use it, and operators keep it."""
    created_at: Timestamp
    updated_at: Timestamp


@router.get("")
async def list_models(
    request: Request,
    principal: _Reader,
    catalog: ChosenCatalog,
    paging: _Paging,
    kind: Annotated[Literal["alias", "deployment"] | None, Query(description="Only names of this kind.")] = None,
) -> PageEnvelope[ModelOut]:
    """Every name that callers can use, those of the whole installation among them."""
    shown = [_out(model) for model in await catalog.usable_models(principal)]
    wanted = [model for model in shown if kind in (None, model.kind)]
    return page_envelope(page_of(wanted, paging), request)


@router.post("", status_code=201, dependencies=[raises(NameTaken, UnknownProvider)])
async def create_model(
    request: Request, principal: _Writer, catalog: ChosenCatalog, body: NewModelIn
) -> Envelope[ModelOut]:
    """Make an alias for one or more deployments."""
    async with catalog.writing(principal) as store:
        made = await commands.create_model(store, commands.NewModel(body.alias, _wishes(body.targets)))
        shown = await resources.model(store, made.id)
        return envelope(_out(shown), request)


@router.get("/{model:path}", dependencies=[raises(ModelNotFound)])
async def show_model(request: Request, principal: _Reader, catalog: ChosenCatalog, model: str) -> Envelope[ModelOut]:
    """One model, by id or name."""
    return envelope(_out(resources.wanted_of(await catalog.usable_models(principal), model)), request)


@router.patch("/{model:path}", dependencies=[raises(ModelNotFound, BuiltIn, NotAnAlias, UnknownProvider)])
async def change_model(
    request: Request, principal: _Writer, catalog: ChosenCatalog, model: str, body: ModelChangesIn, if_match: IfMatch
) -> Envelope[ModelOut]:
    """Point an alias, by id or name, at other targets."""
    async with catalog.writing(principal) as store:
        found = await _alias(store, model)
        await commands.change_model(store, found.id, _wishes(body.targets), if_match.expects(found.id))
        shown = await resources.model(store, found.id)
    return envelope(_out(shown), request)


@router.delete("/{model:path}", status_code=204, dependencies=[raises(ModelNotFound, BuiltIn, NotAnAlias)])
async def remove_model(principal: _Writer, catalog: ChosenCatalog, model: str, if_match: IfMatch) -> None:
    """Remove an alias, by id or name. Its deployments stay."""
    async with catalog.writing(principal) as store:
        found = await _alias(store, model)
        await commands.remove_model(store, found.id, if_match.expects(found.id))


async def _alias(store: CatalogStore, wanted: str) -> resources.ShownModel:
    found = await resources.model(store, wanted)
    if not found.is_alias:
        raise NotAnAlias(found.alias, found.id)
    return found


def _wishes(targets: list[TargetIn]) -> tuple[commands.TargetWish, ...]:
    return tuple(commands.TargetWish(**dict(target)) for target in targets)


def _out(shown: resources.ShownModel) -> ModelOut:
    return ModelOut(
        id=shown.id,
        version=shown.version,
        alias=shown.alias,
        kind="alias" if shown.is_alias else "deployment",
        targets=[_target(target) for target in shown.targets],
        origin=shown.origin,
        owner="installation" if shown.is_shared else "organization",
        created_at=shown.created_at,
        updated_at=shown.updated_at,
    )


def _target(target: resources.ShownTarget) -> TargetOut:
    return TargetOut(
        deployment_id=target.deployment.id,
        provider=target.provider,
        upstream_model=target.deployment.upstream_model,
        weight=target.weight,
        enabled=target.deployment.enabled,
    )
