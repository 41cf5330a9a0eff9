"""Service accounts over HTTP: who programs are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field

from headworks.identity.commands import service_accounts as commands
from headworks.identity.commands.service_accounts import ServiceAccountChange, ServiceAccountOrder
from headworks.identity.contracts import Role, State
from headworks.identity.errors import (
    MoreThanOwnRights,
    NameInUse,
    NotActive,
    ProjectNotFound,
    ServiceAccountNotFound,
    WouldLockOut,
)
from headworks.identity.ports import ServiceAccountFilter, Store
from headworks.identity.queries import people
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

router = Router("/service-accounts")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("created_at", name=str, role=str, state=str, created_at=datetime)]
_Reader = Annotated[Principal, require("service-accounts:read")]
_Writer = Annotated[Principal, require("service-accounts:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `sva_01k9…`.")]


class NewServiceAccountBody(StrictModel):
    """A service account to make."""

    name: str = Field(description="No other of the organisation may have the name.", examples=["ci"])
    role: Role = Field("viewer", description="What its management keys may do at most; at most what you may do.")
    project_id: str | None = Field(None, description="Yours, else the organisation's first, when left out.")


class ServiceAccountChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    role: Role | None = Field(None, description="What its management keys may do at most.")
    state: State | None = Field(None, description="While it is `disabled` its keys do not work.")


class ServiceAccountOut(Versioned):
    """Who a program is."""

    organization_id: str
    project_id: str
    name: str
    role: Role
    state: State
    created_at: Timestamp
    created_by: str


@router.get("", summary="List service accounts")
async def list_service_accounts(
    request: Request,
    caller: _Reader,
    store: _Store,
    paging: _Paging,
    project_id: Annotated[str | None, Query(max_length=128)] = None,
    state: Annotated[State | None, Query()] = None,
) -> PageEnvelope[ServiceAccountOut]:
    """The organisation's, the oldest first."""
    async with store.read(caller.organization_id) as reading:
        page = await reading.service_accounts.page(ServiceAccountFilter(project_id, state), paging)
    return page_envelope(page.map(ServiceAccountOut.model_validate), request)


@router.post(
    "",
    summary="Make a service account",
    status_code=201,
    dependencies=[raises(MoreThanOwnRights, NameInUse, NotActive, ProjectNotFound)],
)
async def create_service_account(
    request: Request, body: NewServiceAccountBody, caller: _Writer, store: _Store
) -> Envelope[ServiceAccountOut]:
    """Who a program is to be. Make its keys with `POST /api/v1/keys` and `service_account_id`."""
    async with store.transaction(caller.organization_id) as unit:
        made = await commands.create_service_account(unit, caller, ServiceAccountOrder(**body.model_dump()), now())
        return envelope(ServiceAccountOut.model_validate(made), request)


@router.get("/{service_account_id}", summary="Show a service account", dependencies=[raises(ServiceAccountNotFound)])
async def show_service_account(
    request: Request, service_account_id: _Id, caller: _Reader, store: _Store
) -> Envelope[ServiceAccountOut]:
    """One of the organisation's."""
    async with store.read(caller.organization_id) as reading:
        found = await people.show_service_account(reading, service_account_id)
    return envelope(ServiceAccountOut.model_validate(found), request)


@router.patch(
    "/{service_account_id}",
    summary="Change a service account",
    dependencies=[raises(ServiceAccountNotFound, MoreThanOwnRights, NameInUse, WouldLockOut)],
)
async def change_service_account(
    request: Request,
    service_account_id: _Id,
    body: ServiceAccountChangeBody,
    caller: _Writer,
    store: _Store,
    if_match: IfMatch,
) -> Envelope[ServiceAccountOut]:
    """Rename it, give it another role, or disable and enable it; its keys follow everywhere within a second."""
    async with store.transaction(caller.organization_id) as unit:
        expected = if_match.expects(service_account_id)
        change = ServiceAccountChange(body.name, body.role, body.state, expected)
        changed = await commands.change_service_account(unit, caller, service_account_id, change)
    return envelope(ServiceAccountOut.model_validate(changed), request)
