"""Routes that let a caller in before they read what the caller sent.

FastAPI reads and parses a body first, and asks who sent it afterwards: a stranger would learn what is wrong with their body,
and could make us hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastapi import APIRouter  # noqa: TID251 - the one home of it
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute

from headworks.kernel.web.access import calls_of, rules_of
from headworks.kernel.web.intake import intake_of
from headworks.kernel.web.middleware import say
from headworks.kernel.web.once import is_repeatable, once
from headworks.kernel.web.pages import is_for_browsers, note_browser
from headworks.kernel.web.retirement import Retirement
from headworks.kernel.web.tags import is_precondition, shown_headers, unmodified

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence
    from enum import Enum
    from typing import Any

    from fastapi import Request, Response
    from fastapi.dependencies.models import Dependant


class _Described(Protocol):
    """A route, whether as it was made or as it was included."""

    @property
    def methods(self) -> Collection[str] | None:
        """Such as GET."""

    @property
    def dependant(self) -> Dependant:
        """What it depends on."""


def is_kept(route: _Described) -> bool:
    """Whether answers of the route are kept for those who send an idempotency key."""
    if "POST" not in (route.methods or ()) or any(is_repeatable(call) for call in calls_of(route.dependant)):
        return False
    return all(access.permission is not None for access in rules_of(route.dependant))


def takes_precondition(route: _Described) -> bool:
    """Whether the route honours If-Match."""
    return any(is_precondition(call) for call in calls_of(route.dependant))


class GuardedRoute(APIRoute):
    """Asks the route's rule first, then does all that FastAPI does."""

    @property
    def gives_json(self) -> bool:
        """Whether a good answer is JSON."""
        kind = self.response_class
        return isinstance(kind, DefaultPlaceholder) or kind.media_type == "application/json"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's hook around the whole handling of a request."""
        handle, rules = super().get_route_handler(), rules_of(self.dependant)
        calls, status = list(calls_of(self.dependant)), self.status_code or 200
        kept = is_kept(self)
        for_browsers = any(is_for_browsers(call) for call in calls)
        gives_json = self.gives_json and not for_browsers
        intake = intake_of(
            self.dependant, has_body=self.body_field is not None, gives_json=gives_json, any_query=for_browsers
        )
        said = {name: value for call in calls if isinstance(call, Retirement) for name, value in call.headers().items()}

        async def enter_and_handle(request: Request) -> Response:
            say(request, said)
            if for_browsers:
                note_browser(request)
            for access in rules:
                await access.enter(request)
            intake.check(request)
            caller = rules[0].entered(request) if kept and rules else None
            if caller is not None:
                response = await once(request, caller, status, handle)
            else:
                response = await handle(request)
            response.headers.update(shown_headers(request, response.status_code))
            return (request.method == "GET" and unmodified(request)) or response

        return enter_and_handle


class Router(APIRouter):
    """Where a context's routes are gathered."""

    def __init__(
        self,
        prefix: str = "",
        *,
        tags: Sequence[str | Enum] = (),
        include_in_schema: bool = True,
        route_class: type[GuardedRoute] = GuardedRoute,
    ) -> None:
        super().__init__(prefix=prefix, tags=list(tags), include_in_schema=include_in_schema, route_class=route_class)
