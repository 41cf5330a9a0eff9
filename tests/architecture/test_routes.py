"""Every route names one permission, or that it needs none; and keeps to it."""

from __future__ import annotations

import re
from typing import Annotated

import httpx
import pytest
from fastapi.routing import RouteContext

from headworks.bootstrap.app import build_app
from headworks.bootstrap.description import routes_of
from headworks.kernel.permissions import MANAGEMENT, OWN_ACCOUNT, PROVISIONING, Permission
from headworks.kernel.principal import Principal
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.web import Authenticator, Surroundings, access_of, require
from headworks.kernel.web.middleware import BODY_LIMIT_BYTES

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
    "/.well-known/jwks.json",
    # Whoever comes here has nothing yet but what they are about to prove.
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    # The directory says who they are; what comes back must belong to what was begun.
    "/api/v1/auth/sso/{organization}/start",
    "/api/v1/auth/sso/callback",
    "/api/v1/auth/sso/token",
    # The token in the body is the proof.
    "/api/v1/invitations/accept",
}
"""What anybody may see. A route is added here when there is nothing to hide behind it, and for no other reason."""


EVERY = MANAGEMENT | PROVISIONING


class Door:
    """Lets everybody in, with the permissions that the key spells out."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        wanted = set(token.split(","))
        return Principal("key_1", "key", "org_1", "prj_1", frozenset(one for one in EVERY if one in wanted))

    async def authenticate_browser(self, token: str, csrf: str | None, source: str | None) -> Principal:
        return await self.authenticate(token, None)


APP = build_app({Authenticator: Door()})
SURROUNDED = Surroundings(APP, HttpMetrics(Metrics()))
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
    assert used - {None} == EVERY


@each_guarded_route
async def test_nobody_enters_without_a_key(method: str, route: RouteContext) -> None:
    for headers in ({}, {"x-api-key": "keys:read"}, {"x-remote-user": "admin", "x-forwarded-user": "admin"}):
        answer = await call(method, route, headers)
        assert refusal(answer) == (401, "unauthenticated")


@each_guarded_route
async def test_nobody_enters_with_every_other_permission(method: str, route: RouteContext) -> None:
    needed: Permission | None = access_of(route)[0].permission
    others = ",".join(sorted(EVERY - {needed}))
    answer = await call(method, route, {"authorization": f"Bearer {others}"})
    assert refusal(answer) == (403, "missing_permission")
    assert str(needed) in answer.json()["detail"]


def test_only_directories_provision() -> None:
    """What belongs to SCIM is opened by their permission, and their permission opens nothing else."""
    opened = {route.path for _, route in ROUTES if access_of(route)[0].permission in PROVISIONING}
    assert opened == {route.path for _, route in ROUTES if (route.path or "").startswith("/scim/")}
    assert opened
    assert not PROVISIONING & (MANAGEMENT | OWN_ACCOUNT)


def test_whoever_changes_a_thing_may_say_what_they_saw() -> None:
    deaf = [
        f"{method} {path}"
        for path, operations in APP.openapi()["paths"].items()
        for method, operation in operations.items()
        if method in ("patch", "put", "delete")
        and not path.startswith("/api/v1/sessions")  # ended, never edited
        and "If-Match" not in [parameter["name"] for parameter in operation.get("parameters", ())]
    ]
    assert deaf == []


@each_guarded_route
@pytest.mark.parametrize("host", ["h/health?x=", "h#", "localhost", "h/api/v1/openapi.json?"])
async def test_the_host_header_opens_nothing(method: str, route: RouteContext, host: str) -> None:
    answer = await call(method, route, {"host": host})
    assert answer.status_code == 401


DIRECTORYS = [(method, route.path_format or "") for method, route in GUARDED if (route.path or "").startswith("/scim/")]
"""Described by RFC 7644, and by no document of ours."""
DOCUMENTED = [
    (method.upper(), path)
    for path, operations in APP.openapi()["paths"].items()
    for method, operation in operations.items()
    if "x-permission" in operation
]


def test_the_description_names_every_permission() -> None:
    guarded = {(method, route.path_format) for method, route in GUARDED if route.include_in_schema}
    assert set(DOCUMENTED) == guarded
    hidden = {(method, route.path_format) for method, route in GUARDED} - guarded
    assert hidden - set(DIRECTORYS) == set()


@pytest.mark.parametrize(
    ("method", "path"), DOCUMENTED + DIRECTORYS, ids=[" ".join(one) for one in DOCUMENTED + DIRECTORYS]
)
@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'{"name": '),
        ("application/json", b'{"no_such_field": 1}'),
        ("application/json", b"\xff\xfe\x00"),
        ("application/json", b"[" * (BODY_LIMIT_BYTES + 1)),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
    ],
    ids=["cut", "unknown field", "no text", "too long", "broken form"],
)
async def test_a_stranger_learns_nothing_of_their_body(method: str, path: str, media_type: str, body: bytes) -> None:
    answer = await send(method, path, {"content-type": media_type}, body)
    assert refusal(answer) == (401, "unauthenticated")


async def test_a_route_that_would_read_the_body_first_answers_nobody() -> None:
    app = build_app({Authenticator: Door()})

    @app.post("/late")
    async def late(_: Annotated[Principal, require("keys:write")]) -> None: ...

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://headworks") as client:
        answer = await client.post("/late", headers={"authorization": "Bearer keys:write"})
    assert answer.status_code == 500


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code, in whichever words they are said: SCIM's have no code beyond the status."""
    body = answer.json()
    if answer.request.url.path.startswith("/scim/"):
        assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert body["status"] == str(answer.status_code)
        return answer.status_code, {401: "unauthenticated", 403: "missing_permission"}.get(answer.status_code, "")
    return answer.status_code, body["error"]["code"]


async def call(method: str, route: RouteContext, headers: dict[str, str]) -> httpx.Response:
    return await send(method, route.path or "", headers)


async def send(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
    """A request to a route, with something in each place of its path."""
    path = re.sub(r"\{[^}]+\}", "x", path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(SURROUNDED), base_url="http://headworks") as client:
        return await client.request(method, path, headers=headers, content=body)
