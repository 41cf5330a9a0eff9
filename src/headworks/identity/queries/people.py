"""Which users, members, invitations and service accounts there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.errors import InvitationNotFound, MemberNotFound, ServiceAccountNotFound, UserNotFound

if TYPE_CHECKING:
    from headworks.identity.contracts import Invitation, Member, ServiceAccount, User
    from headworks.identity.ports import Overview, Reading


async def show_user(overview: Overview, user_id: str) -> User:
    """Raises UserNotFound."""
    found = await overview.users.get(user_id)
    if found is None:
        raise UserNotFound(f"There is no user {user_id!r}.")
    return found


async def show_member(reading: Reading, membership_id: str) -> Member:
    """Raises MemberNotFound."""
    found = await reading.members.get(membership_id)
    if found is None:
        raise MemberNotFound(f"There is no member {membership_id!r} in your organisation.")
    return found


async def show_invitation(reading: Reading, invitation_id: str) -> Invitation:
    """Raises InvitationNotFound."""
    found = await reading.invitations.get(invitation_id)
    if found is None:
        raise InvitationNotFound(f"There is no invitation {invitation_id!r} in your organisation.")
    return found


async def show_service_account(reading: Reading, service_account_id: str) -> ServiceAccount:
    """Raises ServiceAccountNotFound."""
    found = await reading.service_accounts.get(service_account_id)
    if found is None:
        raise ServiceAccountNotFound(f"There is no service account {service_account_id!r} in your organisation.")
    return found
