"""Deployments over HTTP: one model at one provider."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field, StrictBool

from headworks.catalog import commands
from headworks.catalog.contracts import Origin
from headworks.catalog.errors import BuiltIn, DeploymentNotFound, InUse, NameTaken, UnknownProvider
from headworks.catalog.http.chosen import ChosenCatalog
from headworks.catalog.http.shapes import CAP, WEIGHT
from headworks.catalog.queries import resources
from headworks.kernel.pagination import PageRequest, page_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
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

router = Router("/deployments")

_Paging = Annotated[
    PageRequest,
    paged(
        "upstream_model",
        upstream_model=str,
        provider=str,
        weight=int,
        origin=str,
        created_at=datetime,
        updated_at=datetime,
    ),
]
_Reader = Annotated[Principal, require("models:read")]
_Writer = Annotated[Principal, require("models:write")]


class NewDeploymentIn(StrictModel):
    """A deployment to add; `provider` is an id or a name."""

    provider: str
    upstream_model: str
    weight: Whole = Field(1, json_schema_extra=WEIGHT)
    stream_usage: StrictBool = True
    enabled: StrictBool = True
    max_output_tokens: Whole | None = Field(
        None,
        description="The most tokens that the model can answer; null where it is not known.",
        json_schema_extra=CAP,
    )


class DeploymentChangesIn(StrictModel):
    """What is to be different; what is left out stays."""

    weight: Whole | None = Field(None, json_schema_extra=WEIGHT)
    stream_usage: StrictBool | None = None
    enabled: StrictBool | None = None
    max_output_tokens: Whole | None = Field(None, description="null: not known any more.", json_schema_extra=CAP)


class DeploymentOut(Versioned):
    """A deployment. It can be called as `provider/upstream_model`, whatever aliases there are."""

    provider_id: str
    provider: str
    upstream_model: str
    weight: int
    stream_usage: bool
    enabled: bool
    max_output_tokens: int | None
    origin: Origin
    created_at: Timestamp
    updated_at: Timestamp


@router.get("")
async def list_deployments(
    request: Request,
    principal: _Reader,
    catalog: ChosenCatalog,
    paging: _Paging,
    provider: Annotated[str | None, Query(max_length=64, description="Only of this provider, by id or name.")] = None,
) -> PageEnvelope[DeploymentOut]:
    """Every deployment, by upstream model."""
    async with catalog.reading(principal) as store:
        page = page_of(await resources.deployments(store, provider), paging, _value)
    return page_envelope(page.map(_out), request)


@router.post("", status_code=201, dependencies=[raises(BuiltIn, NameTaken, UnknownProvider)])
async def create_deployment(
    request: Request, principal: _Writer, catalog: ChosenCatalog, body: NewDeploymentIn
) -> Envelope[DeploymentOut]:
    """Make a provider's model callable, as `provider/upstream_model`."""
    async with catalog.writing(principal) as store:
        made = await commands.create_deployment(store, commands.NewDeployment(**dict(body)))
        shown = await resources.deployment(store, made.id)
        return envelope(_out(shown), request)


@router.get("/{deployment_id}", dependencies=[raises(DeploymentNotFound)])
async def show_deployment(
    request: Request, principal: _Reader, catalog: ChosenCatalog, deployment_id: str
) -> Envelope[DeploymentOut]:
    """One deployment."""
    async with catalog.reading(principal) as store:
        shown = await resources.deployment(store, deployment_id)
    return envelope(_out(shown), request)


@router.patch("/{deployment_id}", dependencies=[raises(DeploymentNotFound)])
async def change_deployment(
    request: Request,
    principal: _Writer,
    catalog: ChosenCatalog,
    deployment_id: str,
    body: DeploymentChangesIn,
    if_match: IfMatch,
) -> Envelope[DeploymentOut]:
    """Change its share, or take it out of service and back."""
    async with catalog.writing(principal) as store:
        changes = commands.DeploymentChanges(
            **dict(body),
            forgets_cap="max_output_tokens" in body.model_fields_set and body.max_output_tokens is None,
            expected_version=if_match.expects(deployment_id),
        )
        await commands.change_deployment(store, deployment_id, changes)
        shown = await resources.deployment(store, deployment_id)
    return envelope(_out(shown), request)


@router.delete("/{deployment_id}", status_code=204, dependencies=[raises(DeploymentNotFound, BuiltIn, InUse)])
async def remove_deployment(principal: _Writer, catalog: ChosenCatalog, deployment_id: str, if_match: IfMatch) -> None:
    """Remove a deployment, unless a model needs it."""
    async with catalog.writing(principal) as store:
        await commands.remove_deployment(store, deployment_id, if_match.expects(deployment_id))


def _value(shown: resources.ShownDeployment, field: str) -> object:
    return shown.provider if field == "provider" else getattr(shown.deployment, field)


def _out(shown: resources.ShownDeployment) -> DeploymentOut:
    deployment = shown.deployment
    return DeploymentOut(
        id=deployment.id,
        version=deployment.version,
        provider_id=deployment.provider_id,
        provider=shown.provider,
        upstream_model=deployment.upstream_model,
        weight=deployment.weight,
        stream_usage=deployment.stream_usage,
        enabled=deployment.enabled,
        max_output_tokens=deployment.max_output_tokens,
        origin=deployment.origin,
        created_at=deployment.created_at,
        updated_at=deployment.updated_at,
    )
