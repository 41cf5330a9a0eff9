"""Serves an application on a Unix socket that only the engine is told of."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import uvicorn

from headworks.bootstrap.socket_path import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

_KEEP_ALIVE_SECONDS = 300
"""Longer than the engine keeps a connection that it does not use, so that it never meets one that is closing."""
_STOP_SECONDS = 5


class LocalServer:
    """Serves from `start` to `stop`."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = _Server(config)
        self._socket = listen(path)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to serve. The task ends when it stops, and not before."""
        self._serving = asyncio.create_task(self._server.serve([self._socket]), name="local server")
        return self._serving

    async def stop(self) -> None:
        """Finish what is being answered, and end."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: the entry point drains the front door first."""
        yield
