"""Connections to directories over HTTP, for admins. The client secret goes in and never comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Request, Response

from headworks.identity.commands.sso import connections as commands
from headworks.identity.commands.sso.connections import SsoChange, SsoOrder
from headworks.identity.commands.sso.secrets import ClientSecrets
from headworks.identity.contracts import GroupRole, SsoConnection
from headworks.identity.errors import MoreThanOwnRights, NameInUse, PublicUrlNeeded, SsoConnectionNotFound
from headworks.identity.http.own_origin import redirect_uri
from headworks.identity.http.sso_shapes import (
    ClientSecretOut,
    ConnectionChangeBody,
    ConnectionOut,
    GroupRoleBody,
    GroupRoleOut,
    NewConnectionBody,
)
from headworks.identity.ports import Store
from headworks.identity.queries import sso as queries
from headworks.identity.settings import SsoSettings
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import ReferenceNotAllowed
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    Router,
    envelope,
    page_envelope,
    paged,
    provided,
    raises,
    require,
)

router = Router("/sso-connections")

_Store = Annotated[Store, provided(Store)]
_Secrets = Annotated[ClientSecrets, provided(ClientSecrets)]
_Settings = Annotated[SsoSettings, provided(SsoSettings)]
_Paging = Annotated[PageRequest, paged("created_at", name=str, created_at=datetime)]
_Reader = Annotated[Principal, require("sso-connections:read")]
_Writer = Annotated[Principal, require("sso-connections:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `sso_01k9…`.")]


@router.get("", summary="List connections to directories")
async def list_sso_connections(
    request: Request, caller: _Reader, store: _Store, settings: _Settings, paging: _Paging
) -> PageEnvelope[ConnectionOut]:
    """The organisation's, the oldest first."""
    async with store.read(caller.organization_id) as reading:
        page = await reading.sso_connections.page(paging)
    return page_envelope(page.map(lambda one: _out(one, request, settings)), request)


@router.post(
    "",
    summary="Connect a directory",
    status_code=201,
    dependencies=[raises(MoreThanOwnRights, NameInUse, ReferenceNotAllowed)],
)
async def create_sso_connection(
    request: Request, body: NewConnectionBody, caller: _Writer, store: _Store, secrets: _Secrets, settings: _Settings
) -> Envelope[ConnectionOut]:
    """People sign in by it from now on. The directory is asked when the first of them does."""
    _check_reference(caller, body.client_secret_reference)
    order = SsoOrder(**{**dict(body), "group_roles": _groups(body.group_roles)})
    async with store.transaction(caller.organization_id) as unit:
        made = await commands.add_connection(
            unit, secrets, caller, order, now(), private_networks=_may_be_private(caller, settings)
        )
        return envelope(_out(made, request, settings), request)


@router.get("/{connection_id}", summary="Show a connection", dependencies=[raises(SsoConnectionNotFound)])
async def show_sso_connection(
    request: Request, connection_id: _Id, caller: _Reader, store: _Store, settings: _Settings
) -> Envelope[ConnectionOut]:
    """One of the organisation's."""
    async with store.read(caller.organization_id) as reading:
        found = await queries.show_connection(reading, connection_id)
    return envelope(_out(found, request, settings), request)


@router.patch(
    "/{connection_id}",
    summary="Change a connection",
    dependencies=[raises(SsoConnectionNotFound, MoreThanOwnRights, NameInUse, ReferenceNotAllowed)],
)
async def change_sso_connection(
    request: Request,
    connection_id: _Id,
    body: ConnectionChangeBody,
    caller: _Writer,
    store: _Store,
    secrets: _Secrets,
    settings: _Settings,
    if_match: IfMatch,
) -> Envelope[ConnectionOut]:
    """It holds for the next sign-in; who is signed in stays so."""
    _check_reference(caller, body.client_secret_reference)
    change = SsoChange(
        **{**dict(body), "group_roles": None if body.group_roles is None else _groups(body.group_roles)},
        removes_default_role="default_role" in body.model_fields_set and body.default_role is None,
        expected_version=if_match.expects(connection_id),
    )
    async with store.transaction(caller.organization_id) as unit:
        changed = await commands.change_connection(
            unit, secrets, caller, connection_id, change, private_networks=_may_be_private(caller, settings)
        )
    return envelope(_out(changed, request, settings), request)


@router.delete(
    "/{connection_id}", summary="Remove a connection", status_code=204, dependencies=[raises(SsoConnectionNotFound)]
)
async def remove_sso_connection(connection_id: _Id, caller: _Writer, store: _Store, if_match: IfMatch) -> Response:
    """Nobody signs in by it any more. Members stay members."""
    async with store.transaction(caller.organization_id) as unit:
        await commands.remove_connection(unit, connection_id, if_match.expects(connection_id))
    return Response(status_code=204)


def _check_reference(caller: Principal, reference: str | None) -> None:
    """A reference reads the server's environment and files, which are the operator's, and sends what it finds away."""
    if reference is not None and not caller.may("installation:operate"):
        raise ReferenceNotAllowed


def _may_be_private(caller: Principal, settings: SsoSettings) -> bool:
    """What is on the server's own networks is the operator's: nobody else points a connection there."""
    return settings.private_networks and caller.may("installation:operate")


def _groups(bodies: list[GroupRoleBody]) -> tuple[GroupRole, ...]:
    return tuple(GroupRole(one.group, one.role) for one in bodies)


def _out(connection: SsoConnection, request: Request, settings: SsoSettings) -> ConnectionOut:
    kind: Literal["sealed", "reference"] = "sealed" if connection.secret_reference is None else "reference"
    computed = {"client_secret", "redirect_uri", "start_path"}
    values = {name: getattr(connection, name) for name in set(ConnectionOut.model_fields) - computed}
    return ConnectionOut.model_validate(
        {
            **values,
            "group_roles": [GroupRoleOut.model_validate(one) for one in connection.group_roles],
            "client_secret": ClientSecretOut(kind=kind, reference=connection.secret_reference),
            "redirect_uri": _redirect_uri(request, settings),
            "start_path": f"/api/v1/auth/sso/{connection.organization_id}/start?connection={connection.id}",
        }
    )


def _redirect_uri(request: Request, settings: SsoSettings) -> str | None:
    try:
        return redirect_uri(request, settings)
    except PublicUrlNeeded:
        return None
