"""Who may call a route: every route says `require("…")` or `public()`, and a test fails on one that says nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fastapi import Depends, Request
from fastapi.routing import RouteContext

from headworks.kernel.errors import Forbidden, Unauthenticated
from headworks.kernel.origin import acting
from headworks.kernel.principal import Principal
from headworks.kernel.web.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant
    from fastapi.params import Depends as Dependency

    from headworks.kernel.permissions import Permission


_ENTERED = "headworks.entered"
"""In a request's scope: rule → whom it let in."""


class Authenticator(Protocol):
    """Turns a bearer token into the one who calls."""

    async def authenticate(self, token: str) -> Principal:
        """Raises Unauthenticated when it is not a valid key, Forbidden when it is one for other uses."""


class MissingPermission(Forbidden):
    """The key is valid and lacks what the route needs."""

    code = "missing_permission"


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a route. As a dependency it gives the Principal; None where the route lets anybody in."""

    permission: Permission | None
    loopback: bool = False
    """Whether callers on this machine need no key."""

    async def enter(self, request: Request) -> None:
        """Find out who calls, for the route to be given it later. Raises as `principal` does."""
        caller = await self.principal(request)
        request.scope.setdefault(_ENTERED, {})[self] = caller
        if caller is not None:
            acting(caller)

    async def __call__(self, request: Request) -> Principal | None:
        """Whom `enter` let in. Raises LookupError on a route that is no GuardedRoute: it would ask after reading the body."""
        entered: dict[Access, Principal | None] = request.scope[_ENTERED]
        return entered[self]

    async def principal(self, request: Request) -> Principal | None:
        """Who calls. Raises Unauthenticated, or Forbidden when the caller lacks the permission."""
        if self.permission is None or (self.loopback and _from_loopback(request)):
            return None
        authenticator = provision(request, Authenticator)
        caller: Principal = await authenticator.authenticate(_bearer_token(request))  # type: ignore[attr-defined]
        if not caller.may(self.permission):
            raise MissingPermission(
                f"This key lacks the permission {self.permission}. Use a management key that has it, or let somebody who "
                "has one make you such a key."
            )
        return caller


def require(permission: Permission, *, or_loopback: bool = False) -> Dependency:
    """Let in who holds `permission`.

    It gives the route its caller: `principal: Annotated[Principal, require("keys:read")]`.
    """
    dependency: Dependency = Depends(Access(permission, loopback=or_loopback))
    return dependency


def public() -> Dependency:
    """Anybody, without a key: `dependencies=[public()]`."""
    dependency: Dependency = Depends(Access(None))
    return dependency


def access_of(route: RouteContext) -> list[Access]:
    """The rules that a route names: exactly one, as a test makes sure."""
    return rules_of(route.dependant)


def rules_of(dependant: Dependant) -> list[Access]:
    """The rules among what a route depends on."""
    return [call for call in _calls(dependant) if isinstance(call, Access)]


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _bearer_token(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if not values:
        raise Unauthenticated("No key was sent. Send a management key as the header `Authorization: Bearer hw_mk_…`.")
    if len(values) > 1:
        raise Unauthenticated("Two Authorization headers were sent; send one.")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "The Authorization header must read `Bearer` and the key: `Authorization: Bearer hw_mk_…`."
        )
    return token.strip()


def _from_loopback(request: Request) -> bool:
    """By the engine's word, which alone speaks to us. Every hop must be this machine: any other was forwarded."""
    hops = [hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")]
    return bool(hops) and all(_is_loopback(hop) for hop in hops)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
