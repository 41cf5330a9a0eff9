"""Who may call a route: every route says `require("…")` or `public()`, and a test fails on one that says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fastapi import Depends, Request
from fastapi.routing import RouteContext

from headworks.kernel.errors import Forbidden, Invalid, Unauthenticated
from headworks.kernel.origin import acting
from headworks.kernel.principal import Principal
from headworks.kernel.web.browser import CSRF_HEADER, check_same_site, cookie_names, from_loopback, may_change
from headworks.kernel.web.client_address import client_address
from headworks.kernel.web.provision import provision
from headworks.kernel.web.signer import signer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant
    from fastapi.params import Depends as Dependency

    from headworks.kernel.permissions import Permission


_ENTERED = "headworks.entered"
"""In a request's scope: rule → whom it let in."""


class Authenticator(Protocol):
    """Turns what was sent into the one who calls."""

    async def authenticate(self, token: str, source: str | None) -> Principal:
        """The holder of a bearer token: a management key, or an access token.

        `source` is the caller's IP address, None where it is not known. Raises Unauthenticated when the token is not
        valid, Forbidden when it is one for other uses or other places, and TooMany where the source tried too many.
        """

    async def authenticate_signer(self, signer: str, source: str | None) -> Principal:
        """The holder of a key whose signature the engine has verified. `signer` is what identity knows it by.

        Raises as `authenticate` does.
        """

    async def authenticate_browser(self, token: str, csrf: str | None, source: str | None) -> Principal:
        """The holder of a session cookie; `csrf` is None where the request can change nothing, `source` as above.

        Raises Unauthenticated when it is not valid, Forbidden when `csrf` is not the session's.
        """


class MissingPermission(Forbidden):
    """The caller is known and lacks what the route needs."""

    code = "missing_permission"


class PasswordChangeRequired(Forbidden):
    """They signed in with a password that was made for them."""

    code = "password_change_required"


class TwoCredentials(Invalid):
    """Two proofs of who calls, which might be two callers."""

    code = "two_credentials"
    status = 400
    title = "Two credentials were sent"


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a route. As a dependency it gives the Principal; None where the route lets anybody in."""

    permission: Permission | None
    loopback: bool = False
    """Whether callers on this machine need no key."""
    recognise: bool = False
    """Whether a caller who need not say who they are may."""
    before_password_change: bool = False
    """Whether it is open to those who must change their password first."""

    async def enter(self, request: Request) -> None:
        """Find out who calls, for the route to be given it later. Raises as `principal` does."""
        caller = await self.principal(request)
        request.scope.setdefault(_ENTERED, {})[self] = caller
        if caller is not None:
            acting(caller)

    def entered(self, request: Request) -> Principal | None:
        """Whom `enter` let in; None for anybody."""
        known: dict[Access, Principal | None] = request.scope[_ENTERED]
        return known[self]

    async def __call__(self, request: Request) -> Principal | None:
        """Whom `enter` let in. Raises LookupError on a route that is no GuardedRoute: it would ask after reading the body."""
        return self.entered(request)

    async def principal(self, request: Request) -> Principal | None:
        """Who calls. Raises Unauthenticated, or Forbidden when the caller lacks the permission."""
        if self.loopback and from_loopback(request):
            return None
        if self.permission is None and not (self.recognise and _says_who(request)):
            return None
        caller = await _authenticated(request)
        if caller.must_change_password and not self.before_password_change:
            raise PasswordChangeRequired("Choose a password of your own first: POST /api/v1/auth/password.")
        if self.permission is not None and not caller.may(self.permission):
            raise MissingPermission(
                f"You lack the permission {self.permission}. Use a management key that has it, or let somebody who "
                "has it give it to you."
            )
        return caller


def _says_who(request: Request) -> bool:
    sent = "authorization" in request.headers or cookie_names(request)[0] in request.cookies
    return sent or signer(request.headers) is not None


async def _authenticated(request: Request) -> Principal:
    authenticator, source = provision(request, Authenticator), client_address(request.headers)
    cookie = request.cookies.get(cookie_names(request)[0])
    signed_by = signer(request.headers)
    if signed_by is not None:
        if cookie is not None or "authorization" in request.headers:
            raise TwoCredentials("The request is signed, and another credential was sent as well; send one of them.")
        holder: Principal = await authenticator.authenticate_signer(signed_by, source)  # type: ignore[attr-defined]
        return holder
    if cookie is None:
        bearer: Principal = await authenticator.authenticate(  # type: ignore[attr-defined]
            _bearer_token(request), source
        )
        return bearer
    if "authorization" in request.headers:
        raise TwoCredentials("Both an Authorization header and a session cookie were sent; send one of them.")
    csrf = None
    if may_change(request):
        check_same_site(request)
        csrf = request.headers.get(CSRF_HEADER, "")
    principal: Principal = await authenticator.authenticate_browser(cookie, csrf, source)  # type: ignore[attr-defined]
    return principal


def require(permission: Permission, *, or_loopback: bool = False, before_password_change: bool = False) -> Dependency:
    """Let in who holds `permission`.

    It gives the route its caller: `principal: Annotated[Principal, require("keys:read")]`.
    """
    dependency: Dependency = Depends(
        Access(permission, loopback=or_loopback, before_password_change=before_password_change)
    )
    return dependency


def public(*, recognise: bool = False) -> Dependency:
    """Anybody, without a key: `dependencies=[public()]`.

    With `recognise` it gives the route the caller who sent a key or a token all the same, and None otherwise.
    """
    dependency: Dependency = Depends(Access(None, recognise=recognise))
    return dependency


def access_of(route: RouteContext) -> list[Access]:
    """The rules that a route names: exactly one, as a test makes sure."""
    return rules_of(route.dependant)


def rules_of(dependant: Dependant) -> list[Access]:
    """The rules among what a route depends on."""
    return [call for call in calls_of(dependant) if isinstance(call, Access)]


def calls_of(dependant: Dependant) -> Iterator[object]:
    """Everything that a route depends on."""
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls_of(inner)


def _bearer_token(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if not values:
        raise Unauthenticated(
            "No key was sent. Send a management key as the header `Authorization: Bearer hw_mk_…`, or sign in with "
            "POST /api/v1/auth/login."
        )
    if len(values) > 1:
        raise Unauthenticated("Two Authorization headers were sent; send one.")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "The Authorization header must read `Bearer` and the key: `Authorization: Bearer hw_mk_…`."
        )
    return token.strip()
