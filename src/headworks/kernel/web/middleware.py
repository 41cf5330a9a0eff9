"""What surrounds every management request: its id, a limit on its body, its metrics, and headers that browsers obey."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from headworks.kernel.clock import monotonic
from headworks.kernel.ids import new_id
from headworks.kernel.origin import arriving
from headworks.kernel.telemetry import bind_request_id, logger
from headworks.kernel.web.client_address import client_address
from headworks.kernel.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from headworks.kernel.telemetry.metrics import HttpMetrics
    from headworks.kernel.web.turns import Turn

_log = logger(__name__)

BODY_LIMIT_BYTES = 1024 * 1024
"""Management requests are small; inference bodies never come here."""

TOO_LARGE = 413

_TAKES_TURNS = "/api/"
"""Health and metrics wait for nobody: they are asked when much is going on."""

_SAID = "headworks.said"
"""In a request's scope: headers for its answer."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)


def request_id_of(request: Request) -> str:
    """The id that the caller gets in `x-request-id`."""
    return str(request.scope.get("headworks.request_id", ""))


def say(request: Request, headers: Mapping[str, str]) -> None:
    """Put headers on the answer, whatever it will be."""
    request.scope.setdefault(_SAID, {}).update(headers)


class Surroundings:
    """The outermost middleware. The engine is the only client of our socket, so its `x-request-id` is believed."""

    def __init__(self, app: FastAPI, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics
        self._turns = Turns()
        self._patterns = {id(found.original_route): found.path for found in iter_route_contexts(app.routes)}
        """What routes are called in metrics: their whole pattern, which a route of an included router does not know."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope["headworks.request_id"] = request_id
        started = monotonic()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent["x-request-id"] = request_id
                sent.update(scope.get(_SAID, {}))
                sent.setdefault("cache-control", "no-store")
                sent.setdefault("x-content-type-options", "nosniff")
            await send(message)

        with bind_request_id(request_id), arriving(request_id, client_address(headers)):
            try:
                with self._turns.turn() as turn:
                    takes = scope["path"].startswith(_TAKES_TURNS)
                    if takes and not _has_body(headers):
                        await turn.take()
                    await self._app(scope, _limited(scope, receive, turn if takes else None), send_named)
            except Exception:
                # Starlette raises once more what it has rendered already; `problems` has logged it.
                if not status:
                    raise
            finally:
                seconds = monotonic() - started
                # One name for all paths that have no route, so that strangers cannot grow the metrics.
                route = self._patterns.get(id(scope.get("route"))) or "unknown"
                self._metrics.observe(scope["method"], route, status, seconds)
                _log.debug(
                    "request served", method=scope["method"], route=route, status=status, seconds=round(seconds, 6)
                )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id("req")


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _limited(scope: Scope, receive: Receive, turn: Turn | None) -> Receive:
    """The body, up to its limit; once all of it is there the request takes its turn."""
    announced = Headers(scope=scope).get("content-length", "0")
    # A length that is announced is refused before it is read; a body without one is counted as it comes.
    received = int(announced) if announced.isdigit() and int(announced) > BODY_LIMIT_BYTES else 0

    async def receive_limited() -> Message:
        nonlocal received
        message: Message = {"type": "http.request"} if received > BODY_LIMIT_BYTES else await receive()
        received += len(message.get("body", b""))
        if received > BODY_LIMIT_BYTES:
            # FastAPI lets no other exception than this pass while it reads a body; `problems` renders it.
            raise HTTPException(TOO_LARGE, f"The body is longer than {BODY_LIMIT_BYTES} bytes, the most allowed here.")
        if turn is not None and not message.get("more_body", False):
            await turn.take()
        return message

    return receive_limited
