"""Errors as problem details (RFC 9457), with the members that the API's errors always carry: `error` and `meta`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import compile_path

from headworks.kernel.clock import now
from headworks.kernel.errors import FieldProblem, HeadworksError, Invalid, NotFound, Stale, TooMany, Unauthenticated
from headworks.kernel.idempotency import InProgress
from headworks.kernel.telemetry import logger
from headworks.kernel.web.envelope import Meta
from headworks.kernel.web.intake import JSON, UnsupportedMediaType
from headworks.kernel.web.middleware import TOO_LARGE, request_id_of
from headworks.kernel.web.models import ResponseModel
from headworks.kernel.web.pages import refusal_page, wants_page
from headworks.kernel.web.tags import current_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request, Response

_log = logger(__name__)

MEDIA_TYPE = "application/problem+json"
_SERVER_ERROR = 500


class ProblemField(ResponseModel):
    """What is wrong with one field."""

    field: str
    code: str
    message: str


class ProblemError(ResponseModel):
    """The error for programs."""

    code: str
    details: list[ProblemField]


class Problem(ResponseModel):
    """An error, as every management route answers it."""

    type: str
    """Always `about:blank`: `error.code` is what tells kinds apart."""
    title: str
    status: int
    detail: str
    """What happened and how to mend it."""
    instance: str
    error: ProblemError
    meta: Meta


class MalformedBody(Invalid):
    """The body is not JSON."""

    code = "malformed_json"
    status = 400
    title = "The body is not JSON"


class BodyTooLarge(Invalid):
    """The body is longer than any management request has reason to be."""

    code = "body_too_large"
    status = TOO_LARGE
    title = "The body is too large"


class NoSuchRoute(NotFound):
    """No route has this path."""

    code = "no_such_route"


class WrongMethod(Invalid):
    """The path is there, and does not take this method."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"


def install_problem_handlers(app: FastAPI) -> None:
    """Render every error of `app` as a problem; what nobody foresaw is logged and shown as nothing but its request id."""
    app.add_exception_handler(HeadworksError, _own)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _own(request: Request, error: Exception) -> Response:
    if not isinstance(error, HeadworksError):
        return await _unforeseen(request, error)
    if error.status >= _SERVER_ERROR:
        _log.error("request failed", code=error.code, detail=error.detail, message=error.message)
    return _render(request, error, _hints(request, error))


def _hints(request: Request, error: HeadworksError) -> dict[str, str]:
    """What the caller needs for the next try."""
    if isinstance(error, Stale):
        return current_tag(request, error)
    if isinstance(error, UnsupportedMediaType):
        return {"accept": JSON}
    return {"retry-after": str(error.retry_after)} if isinstance(error, InProgress | TooMany) else {}


async def _validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return await _unforeseen(request, error)
    problems = [_field_problem(entry) for entry in error.errors()]
    if any(problem.code == "json_invalid" for problem in problems):
        return _render(request, MalformedBody(f"The body is not valid JSON: {problems[0].message}.", details=problems))
    summary = "; ".join(f"{problem.field}: {problem.message}" for problem in problems[:3])
    return _render(request, Invalid(summary, details=problems))


async def _http(request: Request, error: Exception) -> Response:
    """The framework's own errors: an unknown path, a wrong method."""
    if not isinstance(error, (HTTPException, StarletteHTTPException)):
        return await _unforeseen(request, error)
    path = request.scope["path"]
    if error.status_code == NotFound.status:
        return _render(request, NoSuchRoute(f"There is nothing at {path}; see /api/v1/openapi.json for what there is."))
    if error.status_code == WrongMethod.status:
        allowed = ", ".join(_methods_of(request))
        return _render(
            request, WrongMethod(f"{path} does not take {request.method}; it takes {allowed}."), {"allow": allowed}
        )
    if error.status_code == TOO_LARGE:
        return _render(request, BodyTooLarge(str(error.detail)))
    return _render(request, MalformedBody("The request could not be read.", detail=str(error.detail)))


def _methods_of(request: Request) -> list[str]:
    """Every method that some route takes at this path; the framework knows of one route only."""
    routes = iter_route_contexts(request.app.routes)
    path = request.scope["path"]
    there = [route for route in routes if route.path and compile_path(route.path)[0].match(path)]
    # `/keys/bulk` is a place of its own, though it could be an id in `/keys/{key_id}`.
    there = [route for route in there if route.path == path] or there
    return sorted({method for route in there for method in route.methods or ()})


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("unforeseen error", exc_info=error)
    return _render(
        request,
        HeadworksError("Headworks failed in a way that it did not foresee. Its log says more under this request id."),
    )


def _field_problem(entry: Mapping[str, object]) -> FieldProblem:
    location = entry.get("loc")
    path: Sequence[object] = location if isinstance(location, tuple) else ()
    code = str(entry.get("type"))
    if code == "json_invalid":
        context = entry.get("ctx")
        reason = context.get("error", "") if isinstance(context, dict) else ""
        return FieldProblem("body", code, f"{reason} at character {path[-1] if path else 0}")
    # `body` is what most fields are in, so it goes without saying; query, path and header do not.
    named = [str(part) for part in path if part != "body"]
    message = "is not a known field" if code == "extra_forbidden" else str(entry.get("msg"))
    return FieldProblem(".".join(named) or "body", code, message)


def _render(request: Request, error: HeadworksError, headers: Mapping[str, str] | None = None) -> Response:
    if wants_page(request):
        page = refusal_page(error, request_id_of(request))
        page.headers.update(headers or {})
        return page
    problem = Problem(
        type="about:blank",
        title=error.title,
        status=error.status,
        detail=error.message,
        instance=request.scope["path"],
        error=ProblemError(
            code=error.code,
            details=[ProblemField(field=d.field, code=d.code, message=d.message) for d in error.details],
        ),
        meta=Meta(request_id=request_id_of(request), timestamp=now()),
    )
    challenge = {"www-authenticate": "Bearer"} if error.status == Unauthenticated.status else {}
    return JSONResponse(
        problem.model_dump(mode="json"), error.status, {**challenge, **(headers or {})}, media_type=MEDIA_TYPE
    )
