"""The door for the web: keys, organisations, projects under `/api/v1`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from headworks.identity import commands, queries
from headworks.identity.commands import IssuedKey, KeyChange, KeyOrder
from headworks.identity.contracts import KeyKind, KeyState, KeyView, Organization, Project
from headworks.identity.ports import KeyFilter, Store
from headworks.kernel.clock import now
from headworks.kernel.permissions import Permission
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

router = Router("/api/v1", tags=["identity"])

Keep = Annotated[Store, provided(Store)]
KeyId = Annotated[str, Path(max_length=128, description="Such as `key_01k9…`.")]


class NewKeyBody(StrictModel):
    """A key to make, or to import."""

    name: str = Field(description="What it is for; shown in lists and usage.", examples=["My notebook"])
    kind: KeyKind = Field("inference", description="`inference` for `/v1`, `management` for `/api/v1`.")
    permissions: list[Permission] | None = Field(
        None, description="For a management key: what it may do, at most what yours may. All of that when left out."
    )
    project_id: str | None = Field(None, description="Yours when left out.")
    expires_at: Timestamp | None = Field(None, description="When it stops working; never when left out.")
    allowed_models: list[str] | None = Field(None, description="Names of models; every model when left out.")
    sha256: str | None = Field(
        None,
        description="Import the key that has this SHA-256 (hex) instead of making one: it goes on working here.",
    )


class KeyChangeBody(StrictModel):
    """What to change; what is left out stays as it is."""

    name: str | None = Field(None, description="A new name.")
    expires_at: Timestamp | None = Field(None, description="A new end; null for never.")
    allowed_models: list[str] | None = Field(None, description="Other models; null for every model.")


class KeyOut(ResponseModel):
    """A key, without the key."""

    id: str
    name: str
    kind: KeyKind
    state: KeyState
    permissions: list[Permission]
    organization_id: str
    project_id: str
    prefix: str
    last4: str
    created_at: Timestamp
    created_by: str
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None
    allowed_models: list[str] | None


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str | None = Field(description="The key itself, shown this once; null for one that was imported.")


class OrganizationOut(ResponseModel):
    """A tenant."""

    id: str
    name: str
    created_at: Timestamp


class ProjectOut(ResponseModel):
    """A part of an organisation."""

    id: str
    organization_id: str
    name: str
    created_at: Timestamp


@router.get("/keys", summary="List keys")
async def list_keys(
    request: Request,
    caller: Annotated[Principal, require("keys:read")],
    store: Keep,
    paging: PageQuery,
    kind: Annotated[KeyKind | None, Query()] = None,
    state: Annotated[KeyState | None, Query()] = None,
    project_id: Annotated[str | None, Query(max_length=128)] = None,
) -> PageEnvelope[KeyOut]:
    """The organisation's keys, the newest first."""
    at = now()
    async with store.read() as reading:
        page = await queries.list_keys(reading, caller, KeyFilter(kind, state, project_id), at, paging)
    return page_envelope(page.map(lambda key: _key_out(key, at)), request)


@router.post("/keys", summary="Make a key", status_code=201)
async def create_key(
    request: Request, body: NewKeyBody, caller: Annotated[Principal, require("keys:write")], store: Keep
) -> Envelope[NewKeyOut]:
    """Make a key and show it once, or import one by its hash."""
    at = now()
    async with store.transaction() as unit:
        issued = await commands.create_key(unit, caller, KeyOrder(**body.model_dump()), at)
    return envelope(_new_key_out(issued, at), request)


@router.get("/keys/{key_id}", summary="Show a key")
async def show_key(
    request: Request, key_id: KeyId, caller: Annotated[Principal, require("keys:read")], store: Keep
) -> Envelope[KeyOut]:
    """One key of the organisation."""
    async with store.read() as reading:
        key = await queries.show_key(reading, caller, key_id)
    return envelope(_key_out(key, now()), request)


@router.patch("/keys/{key_id}", summary="Change a key")
async def change_key(
    request: Request,
    key_id: KeyId,
    body: KeyChangeBody,
    caller: Annotated[Principal, require("keys:write")],
    store: Keep,
) -> Envelope[KeyOut]:
    """Rename it, move its end, or change its models. What it may do is fixed when it is made."""
    at = now()
    change = KeyChange(
        name=body.name,
        expires_at=body.expires_at,
        allowed_models=body.allowed_models,
        never_expires=_is_null(body, "expires_at"),
        all_models=_is_null(body, "allowed_models"),
    )
    async with store.transaction() as unit:
        key = await commands.change_key(unit, caller, key_id, change, at)
    return envelope(_key_out(key, at), request)


@router.delete("/keys/{key_id}", summary="Revoke a key", status_code=204)
async def revoke_key(key_id: KeyId, caller: Annotated[Principal, require("keys:write")], store: Keep) -> Response:
    """Make it useless for good, everywhere within a second. Revoking it again changes nothing."""
    async with store.transaction() as unit:
        await commands.revoke_key(unit, caller, key_id, now())
    return Response(status_code=204)


@router.get("/organizations", summary="List organisations")
async def list_organizations(
    request: Request, caller: Annotated[Principal, require("organizations:read")], store: Keep, paging: PageQuery
) -> PageEnvelope[OrganizationOut]:
    """The caller's own; all of them for an operator."""
    async with store.read() as reading:
        page = await queries.list_organizations(reading, caller, paging)
    return page_envelope(page.map(_organization_out), request)


@router.get("/projects", summary="List projects")
async def list_projects(
    request: Request, caller: Annotated[Principal, require("projects:read")], store: Keep, paging: PageQuery
) -> PageEnvelope[ProjectOut]:
    """Those of the caller's organisation."""
    async with store.read() as reading:
        page = await queries.list_projects(reading, caller, paging)
    return page_envelope(page.map(_project_out), request)


def _key_out(key: KeyView, at: datetime) -> KeyOut:
    return KeyOut.model_validate(_shown(key, at))


def _new_key_out(issued: IssuedKey, at: datetime) -> NewKeyOut:
    key = None if issued.key is None else issued.key.reveal()
    return NewKeyOut.model_validate({**_shown(issued.view, at), "key": key})


def _shown(key: KeyView, at: datetime) -> dict[str, object]:
    names = set(KeyOut.model_fields) - {"state", "permissions"}
    return {
        **{name: getattr(key, name) for name in names},
        "state": key.state(at),
        "permissions": sorted(key.permissions),
    }


def _organization_out(organization: Organization) -> OrganizationOut:
    return OrganizationOut.model_validate(organization)


def _project_out(project: Project) -> ProjectOut:
    return ProjectOut.model_validate(project)


def _is_null(body: KeyChangeBody, field: str) -> bool:
    return field in body.model_fields_set and getattr(body, field) is None
