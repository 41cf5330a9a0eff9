"""Health and metrics of a process that has no management API. It speaks to the engine alone, over a Unix socket.

With h11 and not with a framework: four pages take no parameter, and a gateway is measured by the memory that it takes. Uvicorn and
Starlette would add 4 MiB to it, and FastAPI 14 MiB more.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import h11

from headworks import __version__
from headworks.bootstrap.socket_path import listen
from headworks.kernel.moments import micros, said
from headworks.kernel.telemetry.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

    from headworks.bootstrap.health import Health, Report

_NOT_READY: Final = 503
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Page:
    status: int
    kind: str
    text: str


_ELSEWHERE: Final = _Page(
    404, _TEXT, "Not here: this process has /health, /metrics, and /v1 where it serves inference.\n"
)
_READ_ONLY: Final = _Page(405, _TEXT, "These pages are read: ask with GET.\n")
_FORBIDDEN: Final = _Page(403, _TEXT, "The metrics of a gateway are for the networks of HEADWORKS_METRICS_NETWORKS.\n")


class Beacon:
    """Serves from `start` to `stop`."""

    def __init__(self, health: Health, metrics: Metrics, networks: Sequence[str], path: Path) -> None:
        """`networks` (CIDR) may read the metrics; anybody may ask for health. `path` is that of the socket."""
        self._health = health
        self._metrics = metrics
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._socket = listen(path)
        self._pages = {
            **dict.fromkeys(("/healthz", "/health/live"), self._live),
            **dict.fromkeys(("/health", "/ready", "/health/ready"), self._ready),
            "/health/startup": self._startup,
            "/metrics": self._show_metrics,
        }
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> asyncio.Task[None]:
        """Begin to serve. The task ends when it stops, and not before."""
        return self._begin(self._serve(), "beacon")

    async def stop(self) -> None:
        """End. The front door is closed by now, so nobody waits for an answer."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _serve(self) -> None:
        async with await asyncio.start_unix_server(self._accept, sock=self._socket) as server:
            await server.serve_forever()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._converse(reader, writer), "beacon's connection")

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(h11.RemoteProtocolError, ConnectionError):
            connection = h11.Connection(h11.SERVER)
            while request := await _read(connection, reader):
                writer.write(_said(connection, request, await self._page(request)))
                await writer.drain()
                if connection.our_state is not h11.DONE:
                    break
                connection.start_next_cycle()

    async def _page(self, request: h11.Request) -> _Page:
        page = self._pages.get(request.target.decode("latin-1").partition("?")[0])
        if page is None:
            return _ELSEWHERE
        return await page(request) if request.method in {b"GET", b"HEAD"} else _READ_ONLY

    async def _live(self, _request: h11.Request) -> _Page:
        return _Page(200, _JSON, json.dumps({"status": "ok", "version": __version__}))

    async def _ready(self, _request: h11.Request) -> _Page:
        report = await self._health.report()
        return _Page(_NOT_READY if report.status == "unready" else 200, _JSON, json.dumps(_shown(report)))

    async def _startup(self, _request: h11.Request) -> _Page:
        started = self._health.started
        body = {"status": "ok" if started else "starting", "version": __version__}
        return _Page(200 if started else _NOT_READY, _JSON, json.dumps(body))

    async def _show_metrics(self, request: h11.Request) -> _Page:
        if not self._may_read_metrics(dict(request.headers).get(b"x-headworks-client-address", b"")):
            return _FORBIDDEN
        return _Page(200, CONTENT_TYPE, f"{self._health.engine.metrics().rstrip()}\n{self._metrics.render()}")

    def _may_read_metrics(self, address: bytes) -> bool:
        try:
            client = ipaddress.ip_address(address.decode("latin-1"))
        except ValueError:
            return False
        return any(client in network for network in self._networks)


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The next request, its body read and dropped; None when there is none."""
    request: h11.Request | None = None
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(_READ_BYTES))
            case h11.Request() as found:
                request = found
            case h11.EndOfMessage():
                return request
            case h11.ConnectionClosed():
                return None


def _said(connection: h11.Connection, request: h11.Request, page: _Page) -> bytes:
    body = page.text.encode()
    headers = [("content-type", page.kind), ("content-length", str(len(body)))]
    data = h11.Data(data=b"" if request.method == b"HEAD" else body)
    events = (h11.Response(status_code=page.status, headers=headers), data, h11.EndOfMessage())
    return b"".join(connection.send(event) or b"" for event in events)


def _shown(report: Report) -> dict[str, object]:
    checks = [
        {
            "name": check.name,
            "state": check.state,
            "detail": check.detail,
            "since": check.since and said(micros(check.since)),
        }
        for check in report.checks
    ]
    return {
        "status": report.status,
        "version": __version__,
        "checks": checks,
        "spool": report.engine.get("spool"),
    }
