"""Keys over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response

from headworks.identity.commands import keys as commands
from headworks.identity.commands import rotation
from headworks.identity.commands.keys import KeyChange
from headworks.identity.contracts import KeyKind, KeyState
from headworks.identity.errors import (
    KeyExists,
    KeyIsRevoked,
    KeyNotFound,
    LastManagementKey,
    MoreThanOwnRights,
    NotActive,
    ProjectNotFound,
    UnknownServiceAccount,
)
from headworks.identity.http.key_models import (
    KeyChangeBody,
    KeyOut,
    NewKeyBody,
    NewKeyOut,
    NewKeysBody,
    RotationBody,
    key_out,
    new_key_out,
)
from headworks.identity.ports import KeyFilter, Store
from headworks.identity.queries import keys as queries
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    LargePageEnvelope,
    Router,
    envelope,
    large_page_envelope,
    paged_or_by_cursor,
    provided,
    raises,
    require,
)

router = Router("/keys")

_Store = Annotated[Store, provided(Store)]
_Sealer = Annotated[Sealer, provided(Sealer)]
_Paging = Annotated[PageRequest, paged_or_by_cursor("-created_at", name=str, kind=str, created_at=datetime)]
_Reader = Annotated[Principal, require("keys:read")]
_Writer = Annotated[Principal, require("keys:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `key_01k9…`.")]
_CLEARABLE = ("expires_at", "allowed_models", "allowed_endpoints", "allowed_addresses")


@router.get("", summary="List keys")
async def list_keys(
    request: Request,
    caller: _Reader,
    store: _Store,
    paging: _Paging,
    kind: Annotated[KeyKind | None, Query()] = None,
    state: Annotated[KeyState | None, Query()] = None,
    project_id: Annotated[str | None, Query(max_length=128)] = None,
    owner_id: Annotated[str | None, Query(max_length=128, description="A user or a service account.")] = None,
) -> LargePageEnvelope[KeyOut]:
    """The organisation's keys, the newest first."""
    at = now()
    async with store.read(caller.organization_id) as reading:
        page = await reading.keys.page(KeyFilter(kind, state, project_id, owner_id), at, paging)
    return large_page_envelope(page.map(lambda key: key_out(key, at)), request)


@router.post(
    "",
    summary="Make a key",
    status_code=201,
    dependencies=[raises(KeyExists, MoreThanOwnRights, NotActive, ProjectNotFound, UnknownServiceAccount)],
)
async def create_key(
    request: Request, body: NewKeyBody, caller: _Writer, store: _Store, sealer: _Sealer
) -> Envelope[NewKeyOut]:
    """Make a key and show it once, or import one by its hash."""
    at = now()
    async with store.transaction(caller.organization_id) as unit:
        issued = await commands.create_key(unit, caller, body.order(), at, sealer)
        return envelope(new_key_out(issued, at), request)


@router.post(
    "/bulk",
    summary="Make many keys",
    status_code=201,
    dependencies=[raises(KeyExists, MoreThanOwnRights, NotActive, ProjectNotFound, UnknownServiceAccount)],
)
async def create_keys(
    request: Request, body: NewKeysBody, caller: _Writer, store: _Store, sealer: _Sealer
) -> Envelope[list[NewKeyOut]]:
    """Make or import up to a thousand keys: all of them, or none. They come back in their order, each shown once."""
    at = now()
    async with store.transaction(caller.organization_id) as unit:
        issued = await commands.create_keys(unit, caller, [key.order() for key in body.keys], at, sealer)
        return envelope([new_key_out(one, at) for one in issued], request)


@router.get("/{key_id}", summary="Show a key", dependencies=[raises(KeyNotFound)])
async def show_key(request: Request, key_id: _Id, caller: _Reader, store: _Store) -> Envelope[KeyOut]:
    """One key of the organisation."""
    async with store.read(caller.organization_id) as reading:
        key = await queries.show_key(reading, key_id)
    return envelope(key_out(key, now()), request)


@router.patch("/{key_id}", summary="Change a key", dependencies=[raises(KeyNotFound, KeyIsRevoked, MoreThanOwnRights)])
async def change_key(
    request: Request, key_id: _Id, body: KeyChangeBody, caller: _Writer, store: _Store, if_match: IfMatch
) -> Envelope[KeyOut]:
    """Rename it, move its end, or hold it to something else. What it may do is fixed when it is made."""
    at = now()
    cleared = frozenset(name for name in _CLEARABLE if name in body.model_fields_set and getattr(body, name) is None)
    change = KeyChange(**body.model_dump(), cleared=cleared, expected_version=if_match.expects(key_id))
    async with store.transaction(caller.organization_id) as unit:
        key = await commands.change_key(unit, caller, key_id, change, at)
    return envelope(key_out(key, at), request)


@router.post(
    "/{key_id}/rotate",
    summary="Give a key a new secret",
    dependencies=[raises(KeyNotFound, KeyIsRevoked, MoreThanOwnRights)],
)
async def rotate_key(
    request: Request,
    key_id: _Id,
    body: RotationBody,
    caller: _Writer,
    store: _Store,
    if_match: IfMatch,
    sealer: _Sealer,
) -> Envelope[NewKeyOut]:
    """Show a new secret once. The former one goes on working for the overlap; it is the same key all the while."""
    at = now()
    async with store.transaction(caller.organization_id) as unit:
        expected = if_match.expects(key_id)
        issued = await rotation.rotate_key(unit, caller, key_id, body.overlap_seconds, at, expected, sealer)
        return envelope(new_key_out(issued, at), request)


@router.delete(
    "/{key_id}",
    summary="Revoke a key",
    status_code=204,
    dependencies=[raises(KeyNotFound, LastManagementKey, MoreThanOwnRights)],
)
async def revoke_key(key_id: _Id, caller: _Writer, store: _Store, if_match: IfMatch) -> Response:
    """Make it useless for good, everywhere within a second. Revoking it again changes nothing."""
    async with store.transaction(caller.organization_id) as unit:
        await commands.revoke_key(unit, caller, key_id, now(), if_match.expects(key_id))
    return Response(status_code=204)
