"""The description of the management API (OpenAPI 3.1), with what FastAPI does not know: permissions and problems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from headworks import __version__
from headworks.identity.domain.keys import KEY_PATTERN
from headworks.kernel.web import Problem, access_of

if TYPE_CHECKING:
    from fastapi import FastAPI

DESCRIPTION = """\
Keys, providers, models, prices and usage of a Headworks installation. The inference API under `/v1` is OpenAI's, and is \
described by OpenAI.

Every answer is `{"data": …, "meta": {"request_id", "timestamp"}}`; lists add `page`, `per_page`, `total` and `total_pages` \
to `meta`, and `links`. Errors are problem details (RFC 9457) with `error.code`, `error.details[]` and `meta.request_id`. \
Each operation names the permission that its caller needs in `x-permission`.
"""
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_KEY, _TOKEN, _COOKIE = "managementKey", "accessToken", "sessionCookie"
_SECURITY: list[dict[str, list[str]]] = [{_KEY: []}, {_TOKEN: []}, {_COOKIE: []}]
"""Any one of them, and no two at once."""
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def describe(app: FastAPI) -> None:
    """Let `app.openapi()` give the whole description."""

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route of the application, those that the description leaves out included."""
    return list(iter_route_contexts(app.routes))


def _document(app: FastAPI) -> dict[str, object]:
    document = get_openapi(
        title=app.title, version=__version__, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"), Problem=problem)
    # FastAPI's own shape of a validation error: ours is a problem like every other.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    document["components"]["securitySchemes"] = {
        _KEY: {"type": "http", "scheme": "bearer", "bearerFormat": KEY_PATTERN, "description": "A management key."},
        _TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Of somebody who signed in with `POST /api/v1/auth/login`.",
        },
        _COOKIE: {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-headworks-access",
            "description": "Of a browser that signed in with `mode: cookie`. What may change something needs `X-CSRF-Token` too.",
        },
    }
    names: set[str] = set()
    for route in routes_of(app):
        for method, operation in document["paths"].get(route.path_format or "", {}).items():
            if method in _METHODS and method.upper() in (route.methods or ()):
                operation["operationId"] = _name(route, names)
                _complete(operation, route)
    return document


def _name(route: RouteContext, taken: set[str]) -> str:
    """The function's name, as generated clients will call it; with its path where one function serves several."""
    name = str(route.name)
    if name in taken:
        name = f"{name}_{re.sub('[^a-z]+', '_', route.path or '').strip('_')}"
    taken.add(name)
    return name


def _complete(operation: dict[str, object], route: RouteContext) -> None:
    responses = operation.setdefault("responses", {})
    if not isinstance(responses, dict):
        return
    responses.pop("422", None)
    responses["default"] = {"description": "A problem; `error.code` says which.", "content": _PROBLEM}
    for access in access_of(route):
        if access.permission is not None:
            operation["security"] = [*_SECURITY, {}] if access.loopback else _SECURITY
            operation["x-permission"] = access.permission
        elif access.recognise:
            operation["security"] = [*_SECURITY, {}]
