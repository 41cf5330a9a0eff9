"""What identity refuses, and how it says so."""

from __future__ import annotations

from headworks.kernel.errors import Conflict, Forbidden, NotFound, TooMany, Unauthenticated, Unavailable


class InvalidKey(Unauthenticated):
    """The key is malformed, unknown, revoked or expired."""

    code = "invalid_api_key"


class WrongKindOfKey(Forbidden):
    """A key for inference at the management API."""

    code = "wrong_kind_of_key"


class KeyNotFound(NotFound):
    """No such key in the caller's organisation."""

    code = "key_not_found"


class ProjectNotFound(NotFound):
    """No such project in the caller's organisation."""

    code = "project_not_found"
    status = 422


class MoreThanOwnRights(Forbidden):
    """Somebody would make a key that may do what they may not."""

    code = "more_than_own_rights"


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
