"""`/` as HTML for people and as JSON for programs, and its style sheet. Strangers are told no names of models."""

from dataclasses import replace
from typing import Annotated, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from headworks.bootstrap.landing.page import STYLE, as_html, as_json
from headworks.bootstrap.summary import DEMO_MODEL, Summary
from headworks.kernel.errors import Forbidden, Unauthenticated
from headworks.kernel.web import Access, Router, provided, public

_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer", "vary": "accept"}
_STYLE_HEADERS = {"cache-control": "max-age=3600"}

_MAY_SEE_MODELS = Access("models:read", loopback=True)


class Describe(Protocol):
    """Says what state the installation is in; bootstrap fills it."""

    async def __call__(self) -> Summary:
        """The summary as of now."""


router = Router(include_in_schema=False)


@router.get("/", dependencies=[public()])
async def landing_page(request: Request, describe: Annotated[Describe, provided(Describe)]) -> Response:
    """The page; JSON where the caller asks for it."""
    summary = await describe()
    if not await _may_see_models(request):
        summary = replace(summary, models=(), best_model=DEMO_MODEL, discovery=None)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(as_json(summary), headers=_HEADERS)
    return Response(as_html(summary), media_type="text/html", headers=_HEADERS)


@router.get("/style.css", dependencies=[public()])
async def landing_style() -> Response:
    """The page's style sheet."""
    return Response(STYLE, media_type="text/css", headers=_STYLE_HEADERS)


async def _may_see_models(request: Request) -> bool:
    """People on this machine, and holders of a key that may list models."""
    try:
        await _MAY_SEE_MODELS.principal(request)
    except (Forbidden, Unauthenticated):
        return False
    return True
