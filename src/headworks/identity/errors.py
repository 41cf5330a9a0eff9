"""What identity refuses, and how it says so."""

from __future__ import annotations

from headworks.kernel.errors import (
    Conflict,
    FieldProblem,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)


class InvalidKey(Unauthenticated):
    """The key is malformed, unknown, revoked, expired or suspended."""

    code = "invalid_api_key"


class SignatureMissing(Unauthenticated):
    """The key signs requests, and was sent itself."""

    code = "signature_missing"


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


class DirectoryTokenNotFound(NotFound):
    """No such directory token in the caller's organisation."""

    code = "directory_token_not_found"


class DirectoryGroupNotFound(NotFound):
    """The organisation's directory told of no such group."""

    code = "directory_group_not_found"


class DirectoryPersonNotFound(NotFound):
    """The organisation's directory told of no such person."""

    code = "directory_person_not_found"


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


class WrongCredentials(Unauthenticated):
    """The email or the password is wrong; which of them is not said."""

    code = "wrong_credentials"
    title = "Signing in failed"


class SecondFactorRequired(Unauthenticated):
    """The password is right, and a code is needed besides."""

    code = "second_factor_required"
    title = "A second factor is needed"


class WrongSecondFactor(Unauthenticated):
    """The code is wrong, too old, or was used before."""

    code = "wrong_second_factor"
    title = "Signing in failed"


class TooManyTries(TooMany):
    """Somebody guesses."""

    code = "too_many_tries"


class TooManyUnknownKeys(TooMany):
    """Somebody tries keys, or goes on with an old one."""

    code = "too_many_unknown_keys"


class SignInBusy(Unavailable):
    """More people sign in at once than passwords can be checked."""

    code = "sign_in_busy"


class InvalidToken(Unauthenticated):
    """The access token is malformed, forged, or not meant for here."""

    code = "invalid_token"
    title = "A valid access token is needed"


class TokenExpired(InvalidToken):
    """It was valid; a refresh gives another one."""

    code = "token_expired"


class SessionIsOver(InvalidToken):
    """Its session was ended, or its user may no longer sign in."""

    code = "session_ended"


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, expired, or belongs to a session that is over."""

    code = "invalid_refresh_token"
    title = "Sign in again"


class RefreshTokenReused(InvalidRefreshToken):
    """It was used before, so somebody else may have it: its session is over."""

    code = "refresh_token_reused"


class CsrfRefused(Forbidden):
    """A browser's request does not prove that it comes from our own pages."""

    code = "csrf_failed"


class UserNeeded(Forbidden):
    """Only somebody who signed in has a password, a second factor and sessions; a key does not."""

    code = "user_needed"


class SessionNotFound(NotFound):
    """No such session of the caller's."""

    code = "session_not_found"


class NotYourOrganization(NotFound):
    """There is no such organisation among the caller's."""

    code = "not_your_organization"


class SecondFactorExists(Conflict):
    """It is set up already."""

    code = "second_factor_exists"


class NoSecondFactor(Conflict):
    """There is none to confirm or to remove."""

    code = "no_second_factor"


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


class DirectoryNameInUse(Conflict):
    """The directory told of somebody with this user name, or with this account, already."""

    code = "directory_name_in_use"


class ManagedByDirectory(Conflict):
    """The organisation's directory gives them more than what somebody would make of them by hand."""

    code = "managed_by_directory"


class LastAdmin(Conflict):
    """Without them nobody could manage the organisation's members."""

    code = "last_admin"


class LastOperator(Conflict):
    """Without them nobody could operate the installation."""

    code = "last_operator"


class WouldLockOut(Conflict):
    """The caller would take away what they themselves act by."""

    code = "would_lock_out"


class NotForOneself(Conflict):
    """It goes past one's own password, so another one has to do it."""

    code = "not_for_oneself"


class NotActive(Conflict):
    """The thing is disabled or archived, and nothing is made in it meanwhile."""

    code = "not_active"


class SsoConnectionNotFound(NotFound):
    """No such connection in the caller's organisation."""

    code = "sso_connection_not_found"


class NoSingleSignOn(NotFound):
    """There is no such organisation, or nobody signs in to it by a directory."""

    code = "no_single_sign_on"


class SsoAttemptRefused(Invalid):
    """The sign-in was not begun in this browser, is over, or was finished before."""

    code = "sso_attempt_refused"
    status = 400
    title = "Begin to sign in again"


class SsoRefused(Unauthenticated):
    """The directory refused, or what it answered proves nothing."""

    code = "sso_refused"
    title = "Signing in failed"


class SsoNotAllowed(Forbidden):
    """The directory knows them, and the organisation's connection does not let them in."""

    code = "sso_not_allowed"


class SsoEmailNotVerified(SsoNotAllowed):
    """Nobody is found or made by an address that the directory does not vouch for."""

    code = "sso_email_not_verified"


class SsoNoRole(SsoNotAllowed):
    """They are in no group that has a role here."""

    code = "sso_no_role"


class SsoNotForOperators(SsoNotAllowed):
    """An organisation's directory is not to decide who operates the whole installation."""

    code = "sso_not_for_operators"


class SsoSessionBound(Forbidden):
    """A directory of one organisation opens nothing of another."""

    code = "sso_session_bound"


class SsoProviderFailed(Unavailable):
    """The directory does not answer, or not as one."""

    code = "sso_provider_failed"
    title = "The directory cannot be asked now"


class PublicUrlNeeded(Unavailable):
    """Nobody told this server how browsers reach it."""

    code = "public_url_needed"
    title = "Not set up yet"
