"""Every error that each route may answer with: what its use case raises, and what goes without saying.

The description of the API is made of this, and a test hears every refusal of the other tests and looks for it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.identity.errors import (
    AddressNotAllowed,
    CsrfRefused,
    InvalidKey,
    InvalidToken,
    SessionIsOver,
    TokenExpired,
    TooManyUnknownKeys,
    WrongKindOfKey,
)
from headworks.kernel.database import DatabaseUnavailable
from headworks.kernel.errors import HeadworksError, Invalid, Stale, Unauthenticated
from headworks.kernel.idempotency import AnswerLost, InProgress, KeyReused
from headworks.kernel.web import PreconditionRequired, access_of, is_kept, takes_precondition
from headworks.kernel.web.access import MissingPermission, PasswordChangeRequired, TwoCredentials, calls_of
from headworks.kernel.web.browser import CrossSiteRequest
from headworks.kernel.web.intake import NotAcceptable, UnsupportedMediaType
from headworks.kernel.web.problems import BodyTooLarge, MalformedBody
from headworks.kernel.web.raises import Raises

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.routing import RouteContext

Kind = type[HeadworksError]

API: Final = "/api/"
_OF_CALLERS: Final = (
    Unauthenticated,
    InvalidKey,
    WrongKindOfKey,
    AddressNotAllowed,
    InvalidToken,
    TokenExpired,
    SessionIsOver,
    TwoCredentials,
    CrossSiteRequest,
    CsrfRefused,
    MissingPermission,
    PasswordChangeRequired,
    TooManyUnknownKeys,
)
_OF_ALL: Final = (HeadworksError, DatabaseUnavailable)
_OF_BODIES: Final = (MalformedBody, BodyTooLarge, UnsupportedMediaType)
_OF_REPEATS: Final = (KeyReused, InProgress, AnswerLost)
_OF_EDITS: Final = (Stale, PreconditionRequired)


def refusals_of(route: RouteContext) -> list[Kind]:
    """Kinds of errors, each once, by status and code."""
    return sorted(set(_kinds(route)), key=lambda kind: (kind.status, kind.code))


def _kinds(route: RouteContext) -> Iterator[Kind]:
    for call in calls_of(route.dependant):
        if isinstance(call, Raises):
            yield from call.kinds
    if any(access.permission is not None or access.recognise for access in access_of(route)):
        yield from (*_OF_CALLERS, *_OF_ALL)
    if not (route.path or "").startswith(API):
        return
    yield from (Invalid, NotAcceptable, *_OF_ALL)
    if route.body_field is not None:
        yield from _OF_BODIES
    if is_kept(route):
        yield from _OF_REPEATS
    if takes_precondition(route):
        yield from _OF_EDITS
