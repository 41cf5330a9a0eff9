"""Hears every refusal that the API gives in a test, and looks whether its description knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.app import ROUTERS
from headworks.bootstrap.refusals import refusals_of
from headworks.kernel.web import problems

if TYPE_CHECKING:
    from fastapi import Request, Response

    from headworks.kernel.errors import HeadworksError


def known_refusals() -> dict[int, tuple[str, set[str]]]:
    """By route: what it is called, and the codes that its description names."""
    from fastapi import FastAPI  # noqa: PLC0415 - only tests that refuse something need it
    from fastapi.routing import iter_route_contexts  # noqa: PLC0415

    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    return {
        id(route.original_route): (f"{route.name} {route.path}", {kind.code for kind in refusals_of(route)})
        for route in iter_route_contexts(app.routes)
        if route.include_in_schema
    }


def listen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was refused and is not described, from now on."""
    unknown: list[str] = []
    known: dict[int, tuple[str, set[str]]] = {}
    render = problems._render

    def heard(request: Request, error: HeadworksError, headers: object = None) -> Response:
        if not known:
            known.update(known_refusals())
        name, codes = known.get(id(request.scope.get("route")), ("", set()))
        if name and error.code not in codes:
            unknown.append(f"{name} answered {error.status} {error.code}")
        return render(request, error, headers)  # type: ignore[arg-type]

    monkeypatch.setattr(problems, "_render", heard)
    return unknown
