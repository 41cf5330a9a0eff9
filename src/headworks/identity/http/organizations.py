"""Organisations over HTTP: everybody sees their own, operators see and change all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from pydantic import Field

from headworks.identity.commands import organizations as commands
from headworks.identity.commands.organizations import OrganizationChange
from headworks.identity.contracts import State
from headworks.identity.errors import NameInUse, OrganizationNotFound, WouldLockOut
from headworks.identity.ports import Store
from headworks.identity.queries import places
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    envelope,
    page_envelope,
    paged,
    provided,
    raises,
    require,
)

router = Router("/organizations")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("created_at", name=str, state=str, created_at=datetime)]
_Reader = Annotated[Principal, require("organizations:read")]
_Operator = Annotated[Principal, require("installation:operate")]
_Id = Annotated[str, Path(max_length=128, description="Such as `org_01k9…`.")]


class NewOrganizationBody(StrictModel):
    """An organisation to make."""

    name: str = Field(description="What it is called; no other one may have the name.", examples=["Research"])


class OrganizationChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    state: State | None = Field(None, description="While it is `disabled` its keys do not work, and nobody acts in it.")


class OrganizationOut(Versioned):
    """A tenant."""

    name: str
    state: State
    created_at: Timestamp


@router.get("", summary="List organisations")
async def list_organizations(
    request: Request, caller: _Reader, store: _Store, paging: _Paging
) -> PageEnvelope[OrganizationOut]:
    """The caller's own; all of them for an operator."""
    page = await places.list_organizations(store, caller, paging)
    return page_envelope(page.map(OrganizationOut.model_validate), request)


@router.post("", summary="Make an organisation", status_code=201, dependencies=[raises(NameInUse)])
async def create_organization(
    request: Request, body: NewOrganizationBody, _caller: _Operator, store: _Store
) -> Envelope[OrganizationOut]:
    """An organisation, with a project to begin in."""
    async with store.operate() as unit:
        made = await commands.create_organization(unit, body.name, now())
        return envelope(OrganizationOut.model_validate(made), request)


@router.get("/{organization_id}", summary="Show an organisation", dependencies=[raises(OrganizationNotFound)])
async def show_organization(
    request: Request, organization_id: _Id, caller: _Reader, store: _Store
) -> Envelope[OrganizationOut]:
    """One that the caller may know of."""
    found = await places.show_organization(store, caller, organization_id)
    return envelope(OrganizationOut.model_validate(found), request)


@router.patch(
    "/{organization_id}",
    summary="Change an organisation",
    dependencies=[raises(OrganizationNotFound, NameInUse, WouldLockOut)],
)
async def change_organization(
    request: Request,
    organization_id: _Id,
    body: OrganizationChangeBody,
    caller: _Operator,
    store: _Store,
    if_match: IfMatch,
) -> Envelope[OrganizationOut]:
    """Rename it, or take it out of service and back, everywhere within a second."""
    async with store.operate() as unit:
        change = OrganizationChange(body.name, body.state, if_match.expects(organization_id))
        changed = await commands.change_organization(unit, caller, organization_id, change)
    return envelope(OrganizationOut.model_validate(changed), request)
