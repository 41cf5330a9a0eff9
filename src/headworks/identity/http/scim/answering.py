"""From a web request to SCIM's own handler and back: the protocol is scim2-server's, what is kept is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from scim2_models import InvalidSyntaxException, SCIMException
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest

from headworks.identity.errors import LastAdmin
from headworks.identity.http.scim.routes import BASE
from headworks.identity.http.scim.service import SERVICE
from headworks.identity.http.scim.storage import DirectoryStorage
from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from scim2_server.responses import ScimResponse

    from headworks.identity.ports import Store
    from headworks.kernel.principal import Principal

_SEARCH: Final = "/.search"


async def answer(request: Request, caller: Principal, store: Store) -> Response:
    """Serve one request of the directory that `caller` speaks for. Raises HeadworksError, and HTTPException for a long body."""
    asked = await _asked(request)
    writes = asked.method != "GET" and not asked.path.endswith(_SEARCH)
    handler = AsyncScimHandler(SERVICE, DirectoryStorage(store, caller, writes=writes))
    try:
        return _web(await handler.handle(asked))
    except SCIMException as error:
        return _web(SERVICE.error_response(error))
    except RecursionError:
        return _web(SERVICE.error_response(InvalidSyntaxException(detail="The request is nested too deeply.")))
    except LastAdmin as error:
        await _note_refusal(request, caller, store, error)
        raise


async def _asked(request: Request) -> ScimRequest:
    path = request.scope["path"]
    return ScimRequest(
        method=request.method,
        base_url=f"{_origin(request)}{BASE}",
        # What is beside the base has no route there.
        path=path.removeprefix(BASE) if path == BASE or path.startswith(f"{BASE}/") else f"/.none{path}",
        query=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=request.headers.items(),
        body=await request.body(),
    )


def _origin(request: Request) -> str:
    """Where the directory found us, by its own word: it is told to nobody else."""
    scheme = request.headers.get("x-forwarded-proto", "http")
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


async def _note_refusal(request: Request, caller: Principal, store: Store, error: LastAdmin) -> None:
    """The directory wanted the last admin to go. What it did was taken back, and that it wanted to is kept."""
    wanted = {"method": request.method, "refused": error.code, "organization_id": caller.organization_id}
    name = request.scope["path"].rpartition("/")[2]
    async with store.transaction(caller.organization_id) as unit:
        unit.audit(Change("directory.refused", "directory_person", name, None, wanted))


def _web(answered: ScimResponse) -> Response:
    if answered.body is None:
        return Response(status_code=answered.status, headers=answered.headers)
    return JSONResponse(answered.body, answered.status, answered.headers)
