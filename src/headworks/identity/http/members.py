"""Members over HTTP: who belongs to the organisation, as what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from headworks.identity.commands import members as commands
from headworks.identity.contracts import Member, Role, State
from headworks.identity.errors import LastAdmin, ManagedByDirectory, MemberNotFound, MoreThanOwnRights
from headworks.identity.ports import Store
from headworks.identity.queries import people
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

router = Router("/members")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("created_at", email=str, name=str, role=str, created_at=datetime)]
_Reader = Annotated[Principal, require("members:read")]
_Writer = Annotated[Principal, require("members:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `mbr_01k9…`.")]


class MemberChangeBody(StrictModel):
    """What they are to be."""

    role: Role = Field(description="`admin`, `maintainer` or `viewer`; at most what you may do yourself.")


class MemberOut(Versioned):
    """Somebody who belongs to the organisation."""

    organization_id: str
    user_id: str
    email: str
    name: str
    state: State
    """The user's: they may be disabled in the whole installation."""
    role: Role
    created_at: Timestamp
    created_by: str


@router.get("", summary="List members")
async def list_members(request: Request, caller: _Reader, store: _Store, paging: _Paging) -> PageEnvelope[MemberOut]:
    """Those who belong to the organisation, in the order in which they joined."""
    async with store.read(caller.organization_id) as reading:
        page = await reading.members.page(paging)
    return page_envelope(page.map(_out), request)


@router.get("/{member_id}", summary="Show a member", dependencies=[raises(MemberNotFound)])
async def show_member(request: Request, member_id: _Id, caller: _Reader, store: _Store) -> Envelope[MemberOut]:
    """One of the organisation's."""
    async with store.read(caller.organization_id) as reading:
        found = await people.show_member(reading, member_id)
    return envelope(_out(found), request)


@router.patch(
    "/{member_id}",
    summary="Change a member's role",
    dependencies=[raises(MemberNotFound, LastAdmin, ManagedByDirectory, MoreThanOwnRights)],
)
async def change_member(
    request: Request, member_id: _Id, body: MemberChangeBody, caller: _Writer, store: _Store, if_match: IfMatch
) -> Envelope[MemberOut]:
    """Make them something else in this organisation. Its last admin stays one; what its directory gives somebody stays too."""
    async with store.transaction(caller.organization_id) as unit:
        changed = await commands.change_role(unit, caller, member_id, body.role, if_match.expects(member_id))
    return envelope(_out(changed), request)


@router.delete(
    "/{member_id}",
    summary="Remove a member",
    status_code=204,
    dependencies=[raises(MemberNotFound, LastAdmin, MoreThanOwnRights)],
)
async def remove_member(member_id: _Id, caller: _Writer, store: _Store, if_match: IfMatch) -> Response:
    """They belong to the organisation no more, and their keys in it stop working. Its last admin stays."""
    async with store.transaction(caller.organization_id) as unit:
        await commands.remove_member(unit, caller, member_id, if_match.expects(member_id))
    return Response(status_code=204)


def _out(member: Member) -> MemberOut:
    user, membership = member.user, member.membership
    return MemberOut(
        id=membership.id,
        organization_id=membership.organization_id,
        user_id=user.id,
        email=user.email,
        name=user.name,
        state=user.state,
        role=membership.role,
        created_at=membership.created_at,
        created_by=membership.created_by,
        version=membership.version,
    )
