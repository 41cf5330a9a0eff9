"""The directory over HTTP, for admins: its tokens, its groups and what they give, and what those get whom no group gives anything."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from headworks.identity.commands import directory_groups, directory_tokens
from headworks.identity.contracts import DirectoryToken, DirectoryTokenState, Role
from headworks.identity.errors import (
    DirectoryGroupNotFound,
    DirectoryTokenNotFound,
    LastAdmin,
    MoreThanOwnRights,
)
from headworks.identity.ports import Store
from headworks.identity.queries import directory as queries
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

router = Router()

_Store = Annotated[Store, provided(Store)]
_Newest = Annotated[PageRequest, paged("-created_at", name=str, created_at=datetime)]
_ByName = Annotated[PageRequest, paged("name", name=str, created_at=datetime)]
_Reader = Annotated[Principal, require("members:read")]
_Writer = Annotated[Principal, require("members:write")]
_TokenId = Annotated[str, Path(max_length=128, description="Such as `dtk_01k9…`.")]
_GroupId = Annotated[str, Path(max_length=128, description="Such as `dgr_01k9…`.")]


class DirectoryChangeBody(StrictModel):
    """How to take what the directory says."""

    default_role: Role = Field(description="What those are whose groups give them nothing.")


class DirectoryOut(Versioned):
    """How the organisation takes what its directory says."""

    default_role: Role


class NewDirectoryTokenBody(StrictModel):
    """A token to make."""

    name: str = Field(description="Which directory it is for.", examples=["Entra ID"])
    expires_at: Timestamp | None = Field(None, description="When it stops working; never when left out.")


class DirectoryTokenOut(Versioned):
    """A token, without the token."""

    organization_id: str
    name: str
    state: DirectoryTokenState
    last4: str
    created_at: Timestamp
    created_by: str
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None


class NewDirectoryTokenOut(DirectoryTokenOut):
    """A token that was just made."""

    token: str = Field(description="The token itself, shown this once.")


class GroupMappingBody(StrictModel):
    """What belonging to the group makes of somebody."""

    role: Role | None = Field(description="`admin`, `maintainer`, `viewer`, or null for nothing.")


class DirectoryGroupOut(Versioned):
    """A group of the directory."""

    name: str
    external_id: str | None
    role: Role | None
    """What belonging to it makes of somebody; null for nothing."""
    created_at: Timestamp
    changed_at: Timestamp


@router.get("/directory", summary="Show how the directory is taken")
async def show_directory(request: Request, caller: _Reader, store: _Store) -> Envelope[DirectoryOut]:
    """What its people are who have nothing by their groups."""
    async with store.read(caller.organization_id) as reading:
        found = await reading.directory.directory()
    return envelope(DirectoryOut.model_validate(found), request)


@router.patch(
    "/directory", summary="Change how the directory is taken", dependencies=[raises(LastAdmin, MoreThanOwnRights)]
)
async def change_directory(
    request: Request, body: DirectoryChangeBody, caller: _Writer, store: _Store, if_match: IfMatch
) -> Envelope[DirectoryOut]:
    """Its people follow at once."""
    expected = if_match.expects(caller.organization_id)
    async with store.transaction(caller.organization_id) as unit:
        changed = await directory_tokens.change_default(unit, caller, body.default_role, expected)
    return envelope(DirectoryOut.model_validate(changed), request)


@router.get("/directory-tokens", summary="List directory tokens")
async def list_directory_tokens(
    request: Request, caller: _Reader, store: _Store, paging: _Newest
) -> PageEnvelope[DirectoryTokenOut]:
    """The organisation's, the newest first."""
    at = now()
    async with store.read(caller.organization_id) as reading:
        page = await reading.directory.tokens.page(paging)
    return page_envelope(page.map(lambda one: DirectoryTokenOut.model_validate(_shown(one, at))), request)


@router.post(
    "/directory-tokens", summary="Make a directory token", status_code=201, dependencies=[raises(MoreThanOwnRights)]
)
async def create_directory_token(
    request: Request, body: NewDirectoryTokenBody, caller: _Writer, store: _Store
) -> Envelope[NewDirectoryTokenOut]:
    """Let a directory say who belongs to the organisation, at `/scim/v2`. The token is shown once."""
    at = now()
    async with store.transaction(caller.organization_id) as unit:
        issued = await directory_tokens.create_token(unit, caller, body.name, body.expires_at, at)
        shown = {**_shown(issued.token, at), "token": issued.secret.reveal()}
        return envelope(NewDirectoryTokenOut.model_validate(shown), request)


@router.get(
    "/directory-tokens/{token_id}", summary="Show a directory token", dependencies=[raises(DirectoryTokenNotFound)]
)
async def show_directory_token(
    request: Request, token_id: _TokenId, caller: _Reader, store: _Store
) -> Envelope[DirectoryTokenOut]:
    """One of the organisation's, without the token."""
    async with store.read(caller.organization_id) as reading:
        found = await queries.show_token(reading, token_id)
    return envelope(DirectoryTokenOut.model_validate(_shown(found, now())), request)


@router.delete(
    "/directory-tokens/{token_id}",
    summary="Revoke a directory token",
    status_code=204,
    dependencies=[raises(DirectoryTokenNotFound)],
)
async def revoke_directory_token(token_id: _TokenId, caller: _Writer, store: _Store, if_match: IfMatch) -> Response:
    """The directory is not heard any more. Those whom it let in stay; revoking it again changes nothing."""
    async with store.transaction(caller.organization_id) as unit:
        await directory_tokens.revoke_token(unit, token_id, now(), if_match.expects(token_id))
    return Response(status_code=204)


@router.get("/directory-groups", summary="List the directory's groups")
async def list_directory_groups(
    request: Request, caller: _Reader, store: _Store, paging: _ByName
) -> PageEnvelope[DirectoryGroupOut]:
    """Those that the directory told of, by name, and what each gives."""
    async with store.read(caller.organization_id) as reading:
        page = await reading.directory.groups.page(paging)
    return page_envelope(page.map(DirectoryGroupOut.model_validate), request)


@router.get(
    "/directory-groups/{group_id}",
    summary="Show a group of the directory",
    dependencies=[raises(DirectoryGroupNotFound)],
)
async def show_directory_group(
    request: Request, group_id: _GroupId, caller: _Reader, store: _Store
) -> Envelope[DirectoryGroupOut]:
    """One that the directory told of."""
    async with store.read(caller.organization_id) as reading:
        found = await queries.show_group(reading, group_id)
    return envelope(DirectoryGroupOut.model_validate(found), request)


@router.patch(
    "/directory-groups/{group_id}",
    summary="Map a group to a role",
    dependencies=[raises(DirectoryGroupNotFound, LastAdmin, MoreThanOwnRights)],
)
async def map_directory_group(
    request: Request, group_id: _GroupId, body: GroupMappingBody, caller: _Writer, store: _Store, if_match: IfMatch
) -> Envelope[DirectoryGroupOut]:
    """Its people follow at once: each is the highest of what their groups, the default and people gave them."""
    expected = if_match.expects(group_id)
    async with store.transaction(caller.organization_id) as unit:
        changed = await directory_groups.map_group(unit, caller, group_id, body.role, expected)
    return envelope(DirectoryGroupOut.model_validate(changed), request)


def _shown(token: DirectoryToken, at: datetime) -> dict[str, object]:
    names = set(DirectoryTokenOut.model_fields) - {"state"}
    return {**{name: getattr(token, name) for name in names}, "state": token.state(at)}
