"""The description of the management API (OpenAPI 3.1), with what FastAPI does not know: permissions, problems, headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from headworks import __version__
from headworks.bootstrap.refusals import refusals_of
from headworks.identity.domain.keys import KEY_PATTERN
from headworks.kernel.web import Envelope, Problem, Versioned, access_of, is_kept
from headworks.kernel.web.access import calls_of
from headworks.kernel.web.once import KEY
from headworks.kernel.web.retirement import Retirement
from headworks.kernel.web.tags import TAG

if TYPE_CHECKING:
    from fastapi import FastAPI

    from headworks.bootstrap.refusals import Kind

    Json = dict[str, Any]

DESCRIPTION = """\
Keys, people, providers, models, prices, budgets and usage of a Headworks installation. The inference API under `/v1` is OpenAI's, and is \
described by OpenAI.

Every answer is `{"data": …, "meta": {"request_id", "timestamp"}}`; lists add `page`, `per_page`, `total` and `total_pages` \
to `meta`, and `links`. Errors are problem details (RFC 9457) with `error.code`, `error.details[]` and `meta.request_id`. \
Each operation names the permission that its caller needs in `x-permission`.

A thing that is shown alone brings its `ETag`; send it as `If-Match` to change only what you saw. Send an `Idempotency-Key` with a \
POST, and sending it again does it no second time.
"""
TAGS = (
    {"name": "identity", "description": "Organisations, projects, people, service accounts and keys."},
    {"name": "catalog", "description": "Providers, deployments, models and prices."},
    {"name": "limits", "description": "How many requests and tokens, and how much spending, in what time."},
    {"name": "usage", "description": "What was used, and what it cost."},
    {"name": "ledger", "description": "Budgets, what was charged, and the proof that it adds up."},
    {"name": "operations", "description": "Health, metrics and state of the installation."},
)
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_KEY, _TOKEN, _COOKIE = "managementKey", "accessToken", "sessionCookie"
_SIGNATURE = "signature"
_SECURITY: list[dict[str, list[str]]] = [{_KEY: []}, {_TOKEN: []}, {_COOKIE: []}, {_SIGNATURE: []}]
"""Any one of them, and no two at once."""
_PROBLEM = "application/problem+json"
_REFERENCE = {"$ref": "#/components/schemas/Problem"}
_CREATED = "201"
_RETRIED = 409


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


def _document(app: FastAPI) -> Json:
    document: Json = get_openapi(
        title=app.title,
        version=__version__,
        description=DESCRIPTION,
        routes=app.routes,
        openapi_version="3.1.0",
        tags=list(TAGS),
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
        _SIGNATURE: {
            "type": "apiKey",
            "in": "header",
            "name": "Signature",
            "description": "HTTP Message Signatures (RFC 9421) with `hmac-sha256`, besides `Signature-Input` and, with a body, "
            "`Content-Digest`: by a management key that signs.",
        },
    }
    kinds = {kind for route in routes_of(app) for kind in refusals_of(route)}
    document["components"]["examples"] = {kind.code: _example(kind) for kind in kinds}
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


def _present(schema: Json) -> Json:
    """A parameter's schema without null: it is there or it is not."""
    choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
    return {**choices[0], **schema} if len(choices) == 1 else schema | ({"anyOf": choices} if choices else {})


def _complete(operation: Json, route: RouteContext) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _present(parameter["schema"])
        if f"{{{parameter['name']}:path}}" in (route.path or ""):
            # Names of models hold slashes. OpenAPI cannot say that a parameter does; our client needs to know.
            parameter["x-slashes"] = True
    responses: Json = operation["responses"]
    responses.pop("422", None)
    if _shows_one(route):
        _add_tags(responses, "GET" in (route.methods or ()))
    for kind in refusals_of(route):
        _add_refusal(responses, kind)
    operation["responses"] = dict(sorted(responses.items()))
    if is_kept(route):
        _add_key(operation)
    for access in access_of(route):
        if access.permission is not None:
            operation["security"] = [*_SECURITY, {}] if access.loopback else _SECURITY
            operation["x-permission"] = access.permission
        elif access.recognise:
            operation["security"] = [*_SECURITY, {}]
    if any(isinstance(call, Retirement) for call in calls_of(route.dependant)):
        operation["deprecated"] = True


def _shows_one(route: RouteContext) -> bool:
    """Whether a good answer holds one thing that counts its changes."""
    model = route.response_model
    if not (isinstance(model, type) and issubclass(model, Envelope)):
        return False
    (shown,) = model.__pydantic_generic_metadata__["args"]
    return isinstance(shown, type) and issubclass(shown, Versioned)


def _add_tags(responses: Json, is_read: bool) -> None:  # noqa: FBT001 - of two callers' words
    tag = {"description": "Of what is shown.", "required": True, "schema": {"type": "string", "pattern": f"^{TAG}$"}}
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["ETag"] = tag
        if status == _CREATED:
            headers["Location"] = {"description": "Where it is from now on.", "schema": {"type": "string"}}
    if is_read:
        responses["304"] = {
            "description": "What `If-None-Match` names is what would be shown.",
            "headers": {"ETag": tag},
        }


def _add_refusal(responses: Json, kind: Kind) -> None:
    status = str(kind.status)
    response = responses.setdefault(status, {"description": kind.title})
    content = response.setdefault("content", {}).setdefault(_PROBLEM, {"schema": _REFERENCE})
    content.setdefault("examples", {})[kind.code] = {"$ref": f"#/components/examples/{kind.code}"}
    codes = list(content["examples"])
    response["description"] = f"{kind.title}." if len(codes) == 1 else f"`error.code` is one of {', '.join(codes)}."
    if kind.status == _RETRIED and hasattr(kind, "retry_after"):
        response["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _example(kind: Kind) -> Json:
    happened = (kind.__doc__ or kind.title).strip().splitlines()[0]
    value = {
        "type": "about:blank",
        "title": kind.title,
        "status": kind.status,
        "detail": happened,
        "instance": "/api/v1/keys",
        "error": {"code": kind.code, "details": []},
        "meta": {"request_id": "req_01k9y7m3q8z0v5c2n4b6x8d1ft", "timestamp": "2026-01-02T12:00:00.000000Z"},
    }
    return {"summary": kind.title, "value": value}


def _add_key(operation: Json) -> None:
    operation.setdefault("parameters", []).append(
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Sent again within a day with the same request, it gets the same answer and is not done twice.",
            "schema": {"type": "string", "pattern": f"^{KEY}$", "minLength": 1},
        }
    )
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response.setdefault("headers", {})["Idempotency-Replayed"] = {
                "description": "`true` where an earlier answer is repeated.",
                "schema": {"type": "string", "enum": ["true"]},
            }
