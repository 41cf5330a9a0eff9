"""Who somebody of a directory is here, and what their groups make of them in the organisation.

A person is found by the directory's own name for them (the subject), and by their address only once: when the directory vouches
for it, it is of an allowed domain, and they belong to the organisation already or are invited. Else they join with an account
of their own, where the admin lets people join.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import Membership, MembershipChanged, User
from headworks.identity.domain import audited
from headworks.identity.domain.emails import check_email, email_key
from headworks.identity.domain.sso.connections import is_allowed
from headworks.identity.domain.sso.roles import governs_roles, role_of
from headworks.identity.errors import SsoEmailNotVerified, SsoNoRole, SsoNotAllowed, SsoNotForOperators
from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import Invitation, Member, Role, SsoConnection
    from headworks.identity.domain.sso.claims import Person
    from headworks.identity.ports import Installation, Unit


@dataclass(frozen=True, slots=True)
class Joining:
    """One sign-in by a directory, in one transaction."""

    unit: Installation
    connection: SsoConnection
    person: Person
    at: datetime

    async def __call__(self) -> User | SsoNotAllowed:
        """The user, with the role that the directory gives them.

        A refusal is returned rather than raised: that they lost their membership must last.
        """
        try:
            user, invitation = await self._find()
        except SsoNotAllowed as refusal:
            return refusal
        member = await self._within.members.of_user(user.id)
        if member is None:
            return await self._join(user, invitation)
        return await self._follow(member)

    @property
    def _within(self) -> Unit:
        return self.unit.within(self.connection.organization_id)

    async def _find(self) -> tuple[User, Invitation | None]:
        """Raises SsoNotAllowed."""
        linked = await self._within.sso_connections.user_of(self.connection.id, self.person.subject)
        known = None if linked is None else await self.unit.users.get(linked)
        if known is not None:
            self._check_user(known)
            return known, await self._invitation(known.email_key)
        address = self._vouched_address()
        key = email_key(address)
        invitation = await self._invitation(key)
        user = await self.unit.users.by_email(key)
        if user is None:
            user = await self._account(address, invitation)
        elif invitation is None and await self._within.members.of_user(user.id) is None:
            raise SsoNotAllowed(
                "There is an account for your address already, and it does not belong to this organisation. Ask one of "
                "its admins to invite you."
            )
        self._check_user(user)
        await self._within.sso_connections.link(self.connection.id, self.person.subject, user.id, self.at)
        self._say("linked", {"user_id": user.id, "subject": self.person.subject})
        return user, invitation

    def _check_user(self, user: User) -> None:
        if user.is_operator:
            raise SsoNotForOperators(
                "This account operates the whole installation, which one organisation's directory is not to decide: sign "
                "in with your password."
            )
        if user.state != "active":
            raise SsoNotAllowed("This account is disabled. Ask an operator.")
        if not is_allowed(user.email_key, self.connection.allowed_domains):
            raise SsoNotAllowed("Your email address is of a domain that this connection does not let in. Ask an admin.")

    def _vouched_address(self) -> str:
        """Raises SsoEmailNotVerified, SsoNotAllowed."""
        try:
            address = check_email(self.person.email or "")
        except Invalid:
            raise SsoEmailNotVerified(
                "The directory sent no usable email address of yours: an admin has to let it send `email`."
            ) from None
        if not self.person.is_verified:
            raise SsoEmailNotVerified(
                "The directory does not say that your email address was verified (`email_verified`), so nobody is found "
                "by it."
            )
        if not is_allowed(email_key(address), self.connection.allowed_domains):
            raise SsoNotAllowed("Your email address is of a domain that this connection does not let in. Ask an admin.")
        return address

    async def _invitation(self, key: str) -> Invitation | None:
        found = await self._within.invitations.open_for(key)
        return found if found is not None and found.state(self.at) == "pending" else None

    async def _account(self, address: str, invitation: Invitation | None) -> User:
        """One for somebody who joins. Raises SsoNotAllowed, SsoNoRole."""
        self._joining_role(invitation)
        made = User(new_id("usr"), address, email_key(address), self._name(address), self.at, self.connection.id)
        await self.unit.users.add(made)
        self.unit.audit(audited.change("created", None, made))
        return made

    def _name(self, address: str) -> str:
        try:
            return checked_name("name", self.person.name or "")
        except Invalid:
            return checked_name("name", address.partition("@")[0])

    def _joining_role(self, invitation: Invitation | None) -> Role:
        """Raises SsoNotAllowed, SsoNoRole."""
        if invitation is None and not self.connection.joins:
            raise SsoNotAllowed("You do not belong to this organisation. Ask one of its admins to invite you.")
        if invitation is not None and not governs_roles(self.connection):
            return invitation.role
        role = role_of(self.connection, self.person.groups)
        if role is None:
            raise _no_role()
        return role

    async def _join(self, user: User, invitation: Invitation | None) -> User | SsoNotAllowed:
        try:
            role = self._joining_role(invitation)
        except SsoNotAllowed as refusal:
            return refusal
        made = Membership(new_id("mbr"), self.connection.organization_id, user.id, role, self.at, self.connection.id)
        await self._within.members.add(made)
        self.unit.audit(audited.change("created", None, made))
        if invitation is not None:
            accepted = replace(invitation, accepted_at=self.at)
            await self._within.invitations.replace(accepted)
            self.unit.audit(audited.change("accepted", invitation, accepted))
        self.unit.publish(MembershipChanged(made.organization_id, user.id))
        return user

    async def _follow(self, member: Member) -> User | SsoNotAllowed:
        """The role that their groups give them now; without one they are no member any more."""
        before = member.membership
        role = role_of(self.connection, self.person.groups) if governs_roles(self.connection) else before.role
        if role == before.role:
            return member.user
        if before.role == "admin" and await self._is_last_admin(member):
            self._say("last_admin_kept", {"user_id": member.user.id, "directory_says": role})
            return member.user
        if role is None:
            await self._within.members.remove(before.id)
            self.unit.audit(audited.change("removed", before, None))
        else:
            after = replace(before, role=role, version=before.version + 1)
            await self._within.members.replace(after)
            self.unit.audit(audited.change("changed", before, after))
        self.unit.publish(MembershipChanged(before.organization_id, before.user_id))
        return _no_role() if role is None else member.user

    async def _is_last_admin(self, member: Member) -> bool:
        return all(other.user.id == member.user.id for other in await self._within.members.admins())

    def _say(self, what: str, view: dict[str, object]) -> None:
        view = {"organization_id": self.connection.organization_id, **view}
        self.unit.audit(Change(f"sso_connection.{what}", "sso_connection", self.connection.id, None, view))


def _no_role() -> SsoNoRole:
    return SsoNoRole(
        "You are in no group of the directory that has a role in this organisation. Ask one of its admins."
    )
