"""Routes whose errors have SCIM's own shape (RFC 7644, section 3.12), whoever raised them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from headworks.identity.errors import DirectoryNameInUse, EmailInUse
from headworks.kernel.errors import Conflict, HeadworksError, Invalid, TooMany, Unauthenticated
from headworks.kernel.telemetry import logger
from headworks.kernel.web import GuardedRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fastapi import Request, Response

_log = logger(__name__)

MEDIA_TYPE: Final = "application/scim+json"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_UNFORESEEN = 500
_BAD_VALUE = 400


class ScimRoute(GuardedRoute):
    """As every other route, but for how it says no."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `GuardedRoute`."""
        handle = super().get_route_handler()

        async def handle_or_say_no(request: Request) -> Response:
            try:
                return await handle(request)
            except HeadworksError as error:
                return _own(error)
            except HTTPException as error:
                # The limit on bodies speaks through the framework's exception.
                return said_no(error.status_code, str(error.detail))
            except Exception as error:  # noqa: BLE001 - whatever it is, a directory is answered in its own words
                _log.error("unforeseen error", exc_info=error)
                return said_no(_UNFORESEEN, "Headworks failed in a way that it did not foresee. Its log says more.")

        return handle_or_say_no


def said_no(
    status: int, detail: str, scim_type: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as directories read it; its status is text, as the RFC has it."""
    kind = {} if scim_type is None else {"scimType": scim_type}
    body = {"schemas": [ERROR], "status": str(status), **kind, "detail": detail}
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def _own(error: HeadworksError) -> JSONResponse:
    if error.status >= _UNFORESEEN:
        _log.error("request failed", code=error.code, detail=error.detail, message=error.message)
    headers = {"www-authenticate": "Bearer"} if error.status == Unauthenticated.status else {}
    if isinstance(error, TooMany):
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, Invalid) and error.status == Invalid.status:
        return said_no(_BAD_VALUE, error.message, "invalidValue")
    unique = "uniqueness" if isinstance(error, DirectoryNameInUse | EmailInUse) else None
    return said_no(error.status, error.message, unique if isinstance(error, Conflict) else None, headers)
