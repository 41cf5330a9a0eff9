"""Routes that let a caller in before they read what the caller sent.

FastAPI reads and parses a body first, and asks who sent it afterwards: a stranger would learn what is wrong with their body,
and could make us hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter  # noqa: TID251 - the one home of it
from fastapi.routing import APIRoute

from headworks.kernel.web.access import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from enum import Enum
    from typing import Any

    from fastapi import Request, Response


class GuardedRoute(APIRoute):
    """Asks the route's rule first, then does all that FastAPI does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook around the whole handling of a request."""
        handle, rules = super().get_route_handler(), rules_of(self.dependant)

        async def enter_and_handle(request: Request) -> Response:
            for access in rules:
                await access.enter(request)
            return await handle(request)

        return enter_and_handle


class Router(APIRouter):
    """Where a context's routes are gathered."""

    def __init__(self, prefix: str = "", *, tags: Sequence[str | Enum] = (), include_in_schema: bool = True) -> None:
        super().__init__(prefix=prefix, tags=list(tags), include_in_schema=include_in_schema, route_class=GuardedRoute)
