"""Where a path of the API leads, looked up by its noun. FastAPI tries one route after the other, at each level of routers anew.

By sampling that was a tenth of a request's time. What the table does not know goes on to FastAPI, which says why there is nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from fastapi.routing import iter_route_contexts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from fastapi.routing import RouteContext
    from starlette.types import ASGIApp, Receive, Scope, Send

_API: Final = "/api/v1/"


Routes: TypeAlias = "Mapping[tuple[str, str], Sequence[RouteContext]]"
"""By method and noun, in their order. They belong to no application: what a route is given lies in the one that was asked."""


def routes_of_nouns(app: FastAPI) -> Routes:
    """Raises ValueError for a route that would take the table's paths as well. It takes as long as a hundred requests."""
    routes: defaultdict[tuple[str, str], list[RouteContext]] = defaultdict(list)
    for route in iter_route_contexts(app.routes):
        noun = _noun_of(route.path or "")
        for method in route.methods or () if noun else ():
            routes[method, noun].append(route)
    return routes


class RouteTable:
    """The innermost middleware, in place of the search."""

    def __init__(self, routes: Routes, search: ASGIApp) -> None:
        """`search` serves all else."""
        self._routes = routes
        self._search = search

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope.get("path", "")
        noun = path[len(_API) :].partition("/")[0] if path.startswith(_API) else ""
        for route in self._routes.get((scope.get("method", ""), noun), ()):
            found = route.path_regex.match(path)
            if found:
                convert = route.param_convertors
                scope["path_params"] = {name: convert[name].convert(text) for name, text in found.groupdict().items()}
                scope["endpoint"], scope["route"] = route.endpoint, route.original_route
                await route.app(scope, receive, send)
                return
        await self._search(scope, receive, send)


def look_routes_up(app: FastAPI, routes: Routes) -> None:
    """Put the table before the search of `app`, which has these routes."""
    app.router.middleware_stack = RouteTable(routes, app.router.middleware_stack)


def _noun_of(pattern: str) -> str:
    """Such as `keys`; empty for a route outside the API."""
    literal, parameter, _ = pattern.partition("{")
    noun, end, _ = literal.removeprefix(_API).partition("/")
    if parameter and (_API.startswith(literal) or (literal.startswith(_API) and not end)):
        message = f"{pattern} has a parameter where the routes of the API have their noun"
        raise ValueError(message)
    return noun if literal.startswith(_API) else ""
