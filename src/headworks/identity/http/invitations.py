"""Invitations over HTTP: a link that lets the owner of an address join the organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from headworks.identity.commands import invitations as commands
from headworks.identity.commands.invitations import Accepted
from headworks.identity.commands.passwords import Passwords
from headworks.identity.contracts import Invitation, InvitationState, Role
from headworks.identity.domain.invitations import hash_token
from headworks.identity.errors import (
    AlreadyInvited,
    AlreadyMember,
    InvitationIsSettled,
    InvitationNotFound,
    ManagedByDirectory,
    MoreThanOwnRights,
    OtherAddressee,
    SignInToAccept,
)
from headworks.identity.ports import InvitationFilter, Store
from headworks.identity.queries import people
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    envelope,
    page_envelope,
    paged,
    provided,
    public,
    raises,
    require,
)

router = Router("/invitations")

_Store = Annotated[Store, provided(Store)]
_Paging = Annotated[PageRequest, paged("-created_at", email=str, role=str, created_at=datetime, expires_at=datetime)]
_Reader = Annotated[Principal, require("members:read")]
_Writer = Annotated[Principal, require("members:write")]
_Id = Annotated[str, Path(max_length=128, description="Such as `inv_01k9…`.")]


class NewInvitationBody(StrictModel):
    """Whom to invite, as what."""

    email: str = Field(description="Whose link it is: nobody else can join with it.", examples=["ada@example.org"])
    role: Role = Field("viewer", description="`admin`, `maintainer` or `viewer`; at most what you may do yourself.")


class AcceptanceBody(StrictModel):
    """The link's secret, and how the new account is to be called."""

    token: Secret = Field(description="What follows `/invite/` in the link.")
    name: str | None = Field(None, description="For a new account; the address's first part when left out.")
    password: Secret | None = Field(
        None, description="For a new account, to sign in with; left out where people sign in another way."
    )


class InvitationOut(Versioned):
    """An invitation, without its secret."""

    organization_id: str
    email: str
    role: Role
    state: InvitationState
    created_at: Timestamp
    created_by: str
    expires_at: Timestamp
    accepted_at: Timestamp | None
    revoked_at: Timestamp | None


class NewInvitationOut(InvitationOut):
    """An invitation that was just made."""

    token: str = Field(description="The link's secret, shown this once.")
    link: str = Field(description="What to send to the invited person: a path on this server.")


class AcceptanceOut(ResponseModel):
    """Who joined what, as what."""

    organization_id: str
    user_id: str
    email: str
    role: Role
    account_made: bool


@router.get("", summary="List invitations")
async def list_invitations(
    request: Request,
    caller: _Reader,
    store: _Store,
    paging: _Paging,
    state: Annotated[InvitationState | None, Query()] = None,
) -> PageEnvelope[InvitationOut]:
    """The organisation's, the newest first."""
    at = now()
    async with store.read(caller.organization_id) as reading:
        page = await reading.invitations.page(InvitationFilter(state), at, paging)
    return page_envelope(page.map(lambda one: InvitationOut.model_validate(_shown(one, at))), request)


@router.post(
    "",
    summary="Invite somebody",
    status_code=201,
    dependencies=[raises(AlreadyInvited, AlreadyMember, MoreThanOwnRights)],
)
async def create_invitation(
    request: Request, body: NewInvitationBody, caller: _Writer, store: _Store
) -> Envelope[NewInvitationOut]:
    """Make a link that lets the owner of an address join, for seven days. It is shown once; send it to them yourself."""
    at = now()
    async with store.transaction(caller.organization_id) as unit:
        issued = await commands.invite(unit, caller, body.email, body.role, at)
        token = issued.token.reveal()
        shown = {**_shown(issued.invitation, at), "token": token, "link": f"/invite/{token}"}
        return envelope(NewInvitationOut.model_validate(shown), request)


@router.post(
    "/accept",
    summary="Accept an invitation",
    status_code=201,
    dependencies=[raises(AlreadyMember, InvitationNotFound, ManagedByDirectory, OtherAddressee, SignInToAccept)],
)
async def accept_invitation(
    request: Request,
    body: AcceptanceBody,
    caller: Annotated[Principal | None, public(recognise=True)],
    store: _Store,
    passwords: Annotated[Passwords, provided(Passwords)],
) -> Envelope[AcceptanceOut]:
    """Join by a link: as yourself when you are signed in, or with an account that is made for the address."""
    password_hash = await _hashed(body, store, passwords)
    async with store.operate() as unit:
        accepted = await commands.accept_invitation(unit, body.token.reveal(), caller, body.name, now())
        if password_hash is not None:
            await commands.keep_password(unit, accepted, password_hash, now())
        return envelope(_acceptance(accepted), request)


async def _hashed(body: AcceptanceBody, store: Store, passwords: Passwords) -> str | None:
    """The new account's password, hashed before the transaction, which nobody is to wait for; only for a real link."""
    if body.password is None:
        return None
    async with store.prove() as proofs:
        found = await proofs.invitation_by_token(hash_token(body.token.reveal()))
    if found is None or found.state(now()) != "pending":
        return None
    return await passwords.prepare("password", body.password, found.email)


@router.get("/{invitation_id}", summary="Show an invitation", dependencies=[raises(InvitationNotFound)])
async def show_invitation(
    request: Request, invitation_id: _Id, caller: _Reader, store: _Store
) -> Envelope[InvitationOut]:
    """One of the organisation's."""
    async with store.read(caller.organization_id) as reading:
        found = await people.show_invitation(reading, invitation_id)
    return envelope(InvitationOut.model_validate(_shown(found, now())), request)


@router.delete(
    "/{invitation_id}",
    summary="Revoke an invitation",
    status_code=204,
    dependencies=[raises(InvitationNotFound, InvitationIsSettled)],
)
async def revoke_invitation(invitation_id: _Id, caller: _Writer, store: _Store, if_match: IfMatch) -> Response:
    """Its link stops working. Revoking it again changes nothing."""
    async with store.transaction(caller.organization_id) as unit:
        await commands.revoke_invitation(unit, invitation_id, now(), if_match.expects(invitation_id))
    return Response(status_code=204)


def _shown(invitation: Invitation, at: datetime) -> dict[str, object]:
    names = set(InvitationOut.model_fields) - {"state"}
    return {**{name: getattr(invitation, name) for name in names}, "state": invitation.state(at)}


def _acceptance(accepted: Accepted) -> AcceptanceOut:
    return AcceptanceOut(
        organization_id=accepted.membership.organization_id,
        user_id=accepted.user.id,
        email=accepted.user.email,
        role=accepted.membership.role,
        account_made=accepted.is_new,
    )
