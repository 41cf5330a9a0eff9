"""Every path of SCIM, and the one permission that opens them: that of a directory's token, which names the organisation.

They are not in the OpenAPI description: RFC 7644 describes them, and `/scim/v2/Schemas` what is particular here.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Request, Response

from headworks.identity.http.scim.route import ScimRoute
from headworks.identity.ports import Store
from headworks.kernel.principal import Principal
from headworks.kernel.web import Router, provided, repeatable, require

if TYPE_CHECKING:
    from types import ModuleType

BASE: Final = "/scim/v2"
PATHS: Final = {
    "/ServiceProviderConfig": ("GET",),
    "/ResourceTypes": ("GET",),
    "/ResourceTypes/{name}": ("GET",),
    "/Schemas": ("GET",),
    "/Schemas/{name}": ("GET",),
    "/Users": ("GET", "POST"),
    "/Users/.search": ("POST",),
    "/Users/{id}": ("GET", "PUT", "PATCH", "DELETE"),
    "/Groups": ("GET", "POST"),
    "/Groups/.search": ("POST",),
    "/Groups/{id}": ("GET", "PUT", "PATCH", "DELETE"),
    "": ("GET",),
    "/.search": ("POST",),
}
_EVERY: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

router = Router(include_in_schema=False, route_class=ScimRoute)


async def serve(
    request: Request,
    caller: Annotated[Principal, require("directory:provision")],
    store: Annotated[Store, provided(Store)],
) -> Response:
    """Answer a directory."""
    answering = await _answering()
    answer: Response = await answering.answer(request, caller, store)
    return answer


async def _answering() -> ModuleType:
    # In a thread: what else is managed goes on meanwhile. Once it is there this costs nothing.
    return await asyncio.to_thread(importlib.import_module, "headworks.identity.http.scim.answering")


for path, methods in PATHS.items():
    for method in methods:
        router.add_api_route(BASE + path, serve, methods=[method], dependencies=[repeatable()])
# What is nowhere is said to be nowhere in the same words.
for method in _EVERY:
    router.add_api_route("/scim/{rest:path}", serve, methods=[method], dependencies=[repeatable()])
