"""Deployments over HTTP: one model at one provider."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import StrictBool, StrictInt

from headworks.catalog import commands
from headworks.catalog.contracts import Origin
from headworks.catalog.http.pages import page_of
from headworks.catalog.ports import Catalogs
from headworks.catalog.queries import resources
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    PageEnvelope,
    PageQuery,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    envelope,
    page_envelope,
    provided,
    require,
)

router = Router("/deployments")

_Catalogs = Annotated[Catalogs, provided(Catalogs)]
_Reader = Annotated[Principal, require("models:read")]
_Writer = Annotated[Principal, require("models:write")]


class NewDeploymentIn(StrictModel):
    """A deployment to add; `provider` is an id or a name."""

    provider: str
    upstream_model: str
    weight: StrictInt = 1
    stream_usage: StrictBool = True
    enabled: StrictBool = True


class DeploymentChangesIn(StrictModel):
    """What is to be different; what is left out stays."""

    weight: StrictInt | None = None
    stream_usage: StrictBool | None = None
    enabled: StrictBool | None = None


class DeploymentOut(ResponseModel):
    """A deployment. It can be called as `provider/upstream_model`, whatever aliases there are."""

    id: str
    provider_id: str
    provider: str
    upstream_model: str
    weight: int
    stream_usage: bool
    enabled: bool
    origin: Origin
    created_at: Timestamp
    updated_at: Timestamp


@router.get("")
async def list_deployments(
    request: Request,
    principal: _Reader,
    catalogs: _Catalogs,
    paging: PageQuery,
    provider: Annotated[str | None, Query(max_length=64, description="Only of this provider, by id or name.")] = None,
) -> PageEnvelope[DeploymentOut]:
    """Every deployment, by upstream model."""
    async with catalogs.reading(principal.organization_id) as store:
        page = page_of(await resources.deployments(store, provider), paging)
    return page_envelope(page.map(_out), request)


@router.post("", status_code=201)
async def create_deployment(
    request: Request, principal: _Writer, catalogs: _Catalogs, body: NewDeploymentIn
) -> Envelope[DeploymentOut]:
    """Make a provider's model callable, as `provider/upstream_model`."""
    async with catalogs.writing(principal.organization_id) as store:
        made = await commands.create_deployment(store, commands.NewDeployment(**dict(body)))
        shown = await resources.deployment(store, made.id)
    return envelope(_out(shown), request)


@router.get("/{deployment_id}")
async def show_deployment(
    request: Request, principal: _Reader, catalogs: _Catalogs, deployment_id: str
) -> Envelope[DeploymentOut]:
    """One deployment."""
    async with catalogs.reading(principal.organization_id) as store:
        shown = await resources.deployment(store, deployment_id)
    return envelope(_out(shown), request)


@router.patch("/{deployment_id}")
async def change_deployment(
    request: Request, principal: _Writer, catalogs: _Catalogs, deployment_id: str, body: DeploymentChangesIn
) -> Envelope[DeploymentOut]:
    """Change its share, or take it out of service and back."""
    async with catalogs.writing(principal.organization_id) as store:
        await commands.change_deployment(store, deployment_id, commands.DeploymentChanges(**dict(body)))
        shown = await resources.deployment(store, deployment_id)
    return envelope(_out(shown), request)


@router.delete("/{deployment_id}", status_code=204)
async def remove_deployment(principal: _Writer, catalogs: _Catalogs, deployment_id: str) -> None:
    """Remove a deployment, unless a model needs it."""
    async with catalogs.writing(principal.organization_id) as store:
        await commands.remove_deployment(store, deployment_id)


def _out(shown: resources.ShownDeployment) -> DeploymentOut:
    deployment = shown.deployment
    return DeploymentOut(
        id=deployment.id,
        provider_id=deployment.provider_id,
        provider=shown.provider,
        upstream_model=deployment.upstream_model,
        weight=deployment.weight,
        stream_usage=deployment.stream_usage,
        enabled=deployment.enabled,
        origin=deployment.origin,
        created_at=deployment.created_at,
        updated_at=deployment.updated_at,
    )
