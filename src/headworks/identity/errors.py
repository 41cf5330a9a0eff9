"""What identity refuses, and how it says so."""

from __future__ import annotations

from headworks.kernel.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound, Unauthenticated


class InvalidKey(Unauthenticated):
    """The key is malformed, unknown, revoked, expired or suspended."""

    code = "invalid_api_key"


class WrongKindOfKey(Forbidden):
    """A key for inference at the management API."""

    code = "wrong_kind_of_key"


class AddressNotAllowed(Forbidden):
    """The key is held to networks, and the caller is in none of them."""

    code = "address_not_allowed"


class MoreThanOwnRights(Forbidden):
    """Somebody would make or change what may do what they may not."""

    code = "more_than_own_rights"


class OtherAddressee(Forbidden):
    """The invitation was made out to another email address."""

    code = "invitation_for_somebody_else"


class SignInToAccept(Unauthenticated):
    """The invited address has an account already: its owner has to say that it is they."""

    code = "sign_in_to_accept"


class OrganizationNotFound(NotFound):
    """No such organisation, or none that the caller may know of."""

    code = "organization_not_found"


class ProjectNotFound(NotFound):
    """A request names a project that the caller's organisation does not have."""

    code = "project_not_found"
    status = 422


class NoSuchProject(NotFound):
    """There is no project at this path."""

    code = "no_such_project"


class KeyNotFound(NotFound):
    """No such key in the caller's organisation."""

    code = "key_not_found"


class UserNotFound(NotFound):
    """No such user."""

    code = "user_not_found"


class MemberNotFound(NotFound):
    """No such membership in the caller's organisation."""

    code = "member_not_found"


class InvitationNotFound(NotFound):
    """No such invitation, or none that can be accepted any more."""

    code = "invitation_not_found"


class ServiceAccountNotFound(NotFound):
    """No such service account in the caller's organisation."""

    code = "service_account_not_found"


class UnknownServiceAccount(Invalid):
    """A request names a service account that the caller's organisation does not have."""

    code = "unknown_service_account"


class KeyExists(Conflict):
    """The same key is known already."""

    code = "key_exists"


class KeyIsRevoked(Conflict):
    """A revoked key is never changed or brought back."""

    code = "key_revoked"


class LastManagementKey(Conflict):
    """Without it nobody could make another one."""

    code = "last_management_key"


class NameInUse(Conflict):
    """Another one has that name, or one that looks like it."""

    code = "name_in_use"

    def __init__(self, noun: str, name: str) -> None:
        message = f"There is {noun} called {name!r} already, in these letters or in ones that look like them."
        super().__init__(message, details=[FieldProblem("name", self.code, "choose another name")])


class EmailInUse(Conflict):
    """Another user has that email address."""

    code = "email_in_use"


class AlreadyMember(Conflict):
    """The user belongs to the organisation already."""

    code = "already_a_member"


class AlreadyInvited(Conflict):
    """An invitation for that address waits already."""

    code = "already_invited"


class InvitationIsSettled(Conflict):
    """It was accepted: there is nothing left to revoke."""

    code = "invitation_settled"


class LastAdmin(Conflict):
    """Without them nobody could manage the organisation's members."""

    code = "last_admin"


class LastOperator(Conflict):
    """Without them nobody could operate the installation."""

    code = "last_operator"


class WouldLockOut(Conflict):
    """The caller would take away what they themselves act by."""

    code = "would_lock_out"


class NotActive(Conflict):
    """The thing is disabled or archived, and nothing is made in it meanwhile."""

    code = "not_active"
