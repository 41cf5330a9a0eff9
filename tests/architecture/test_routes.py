"""Every route names one permission, or that it needs none; and keeps to it."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi.routing import RouteContext

from headworks.bootstrap.app import build_app
from headworks.bootstrap.description import routes_of
from headworks.kernel.permissions import MANAGEMENT, Permission
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator, access_of

PUBLIC = {
    "/",
    "/style.css",
    "/health",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/healthz",
    "/ready",
    "/api/v1/openapi.json",
}
"""What anybody may see. A route is added here when there is nothing to hide behind it, and for no other reason."""


class Door:
    """Lets everybody in, with the permissions that the key spells out."""

    async def authenticate(self, token: str) -> Principal:
        wanted = set(token.split(","))
        return Principal("key_1", "key", "org_1", "prj_1", frozenset(one for one in MANAGEMENT if one in wanted))


APP = build_app({Authenticator: Door()})
ROUTES = [(method, route) for route in routes_of(APP) for method in sorted(route.methods or ())]
GUARDED = [(method, route) for method, route in ROUTES if route.path not in PUBLIC]

each_guarded_route = pytest.mark.parametrize(
    ("method", "route"), GUARDED, ids=[f"{method} {route.path}" for method, route in GUARDED]
)


@pytest.mark.parametrize("route", routes_of(APP), ids=lambda route: f"{route.name} {route.path}")
def test_a_route_names_exactly_one_rule(route: RouteContext) -> None:
    (access,) = access_of(route)
    assert (access.permission is None) == (route.path in PUBLIC)


def test_what_is_public_exists() -> None:
    assert {route.path for _, route in ROUTES} >= PUBLIC


def test_every_permission_opens_something() -> None:
    used = {access.permission for _, route in ROUTES for access in access_of(route)}
    assert used - {None} == MANAGEMENT


@each_guarded_route
async def test_nobody_enters_without_a_key(method: str, route: RouteContext) -> None:
    for headers in ({}, {"x-api-key": "keys:read"}, {"x-remote-user": "admin", "x-forwarded-user": "admin"}):
        answer = await call(method, route, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


@each_guarded_route
async def test_nobody_enters_with_every_other_permission(method: str, route: RouteContext) -> None:
    needed: Permission | None = access_of(route)[0].permission
    others = ",".join(sorted(MANAGEMENT - {needed}))
    answer = await call(method, route, {"authorization": f"Bearer {others}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_permission")
    assert str(needed) in answer.json()["detail"]


@each_guarded_route
@pytest.mark.parametrize("host", ["h/health?x=", "h#", "localhost", "h/api/v1/openapi.json?"])
async def test_the_host_header_opens_nothing(method: str, route: RouteContext, host: str) -> None:
    answer = await call(method, route, {"host": host})
    assert answer.status_code == 401


async def call(method: str, route: RouteContext, headers: dict[str, str]) -> httpx.Response:
    path = re.sub(r"\{[^}]+\}", "x", route.path or "")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://headworks") as client:
        return await client.request(method, path, headers=headers)
