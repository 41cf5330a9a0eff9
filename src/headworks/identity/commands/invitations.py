"""Inviting somebody by a link: made by who manages members, accepted by who the address belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.members import note_own_role
from headworks.identity.contracts import Invitation, Membership, MembershipChanged, StoredPassword, User
from headworks.identity.domain import audited
from headworks.identity.domain.emails import check_email, email_key
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.invitations import LASTS, generate_token, hash_token
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import (
    AlreadyMember,
    InvitationIsSettled,
    InvitationNotFound,
    OtherAddressee,
    SignInToAccept,
)
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import Role
    from headworks.identity.ports import Installation, Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class IssuedInvitation:
    """An invitation, and what its link holds: shown this once."""

    invitation: Invitation
    token: Secret


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who joined what."""

    user: User
    membership: Membership
    is_new: bool
    """Whether the account was made with it."""


async def invite(unit: Unit, caller: Principal, email: str, role: Role, at: datetime) -> IssuedInvitation:
    """Raises Invalid, MoreThanOwnRights, AlreadyMember, AlreadyInvited."""
    address = check_email(email)
    check_role(permissions_of(role), caller, "invite")
    if await unit.members.of_email(email_key(address)) is not None:
        raise AlreadyMember(f"{address} belongs to the organisation already; change their role instead.")
    waiting = await unit.invitations.open_for(email_key(address))
    if waiting is not None and waiting.state(at) == "expired":
        await unit.invitations.retire(waiting.id)
    token = generate_token()
    made = Invitation(
        id=new_id("inv"),
        organization_id=unit.organization_id,
        email=address,
        email_key=email_key(address),
        role=role,
        token_hash=hash_token(token.reveal()),
        created_at=at,
        created_by=caller.id,
        expires_at=at + LASTS,
    )
    await unit.invitations.add(made)
    unit.audit(audited.change("created", None, made))
    return IssuedInvitation(made, token)


async def revoke_invitation(unit: Unit, invitation_id: str, at: datetime, expected: int | None = None) -> None:
    """Its link stops working; doing it twice changes nothing. Raises InvitationNotFound, Stale, InvitationIsSettled."""
    found = await unit.invitations.get(invitation_id)
    if found is None:
        raise InvitationNotFound(f"There is no invitation {invitation_id!r} in your organisation.")
    check_version(expected, found.version)
    if found.accepted_at is not None:
        raise InvitationIsSettled("The invitation was accepted. Remove the member instead.")
    if found.revoked_at is not None:
        return
    revoked = replace(found, revoked_at=at)
    await unit.invitations.replace(revoked)
    unit.audit(audited.change("revoked", found, revoked))


async def accept_invitation(
    unit: Installation, token: str, caller: Principal | None, name: str | None, at: datetime
) -> Accepted:
    """Join by a link: as the user who calls, or, where the address has no account, with one that is made here.

    Raises InvitationNotFound, SignInToAccept, OtherAddressee, AlreadyMember, ManagedByDirectory, Invalid.
    """
    invitation = await _pending(unit, token, at)
    user = await _addressee(unit, invitation, caller)
    is_new = user is None
    if user is None:
        user = _account(invitation, name, at)
        await unit.users.add(user)
        unit.audit(audited.change("created", None, user))
    within = unit.within(invitation.organization_id)
    membership = Membership(
        new_id("mbr"), invitation.organization_id, user.id, invitation.role, at, invitation.created_by
    )
    await within.members.add(membership)
    unit.audit(audited.change("created", None, membership))
    await note_own_role(within, user.id, invitation.role)
    accepted = replace(invitation, accepted_at=at)
    await within.invitations.replace(accepted)
    unit.audit(audited.change("accepted", invitation, accepted))
    unit.publish(MembershipChanged(invitation.organization_id, user.id))
    return Accepted(user, membership, is_new)


async def keep_password(unit: Installation, accepted: Accepted, password_hash: str, at: datetime) -> None:
    """The password of the account that was just made. Raises Invalid for who has one already."""
    if not accepted.is_new:
        raise Invalid.field("password", "not_for_this", "is for a new account; yours keeps the one it has")
    await unit.put_password(accepted.user.id, StoredPassword(password_hash, at))


async def _pending(unit: Installation, token: str, at: datetime) -> Invitation:
    found = await unit.invitation_by_token(hash_token(token))
    if found is not None and found.state(at) == "pending":
        organization = await unit.organizations.get(found.organization_id)
        if organization is not None and organization.state == "active":
            return found
    # One answer for all: who holds a link that does not work learns nothing from it.
    raise InvitationNotFound(
        "The invitation is not known, or was accepted, revoked, or has expired. Ask for another one."
    )


async def _addressee(unit: Installation, invitation: Invitation, caller: Principal | None) -> User | None:
    """The account of the address; None where it has none yet."""
    owner = await unit.users.by_email(invitation.email_key)
    if caller is None:
        if owner is not None:
            raise SignInToAccept("There is an account for this address already. Sign in, and open the link again.")
        return None
    if caller.kind != "user" or owner is None or owner.id != caller.id:
        raise OtherAddressee(
            "The invitation was made out to another address than yours. Sign out, or ask for another one."
        )
    return owner


def _account(invitation: Invitation, name: str | None, at: datetime) -> User:
    shown = checked_name("name", invitation.email.partition("@")[0] if name is None else name)
    return User(new_id("usr"), invitation.email, invitation.email_key, shown, at, invitation.created_by)
