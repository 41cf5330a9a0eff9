"""The management API on a loopback port, for tests of the command line."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import uvicorn

from headworks.bootstrap.container import build_container, furnish, lay_foundation
from headworks.bootstrap.control_plane import management_app
from headworks.bootstrap.credentials import Credentials
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.health import Health
from headworks.bootstrap.home import Home
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.settings import Settings
from headworks.bootstrap.sign_in import build_sign_in, first_operator
from headworks.bootstrap.welcome import Welcome
from headworks.kernel.bus.adapters.memory import MemoryBus
from tests.support.child import eventually, free_port
from tests.support.dead_letters import refused
from tests.support.engine_twin import EngineTwin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headworks.kernel.bus import Message


class Api:
    """The management API on a loopback port, over databases of its own."""

    def __init__(self, folder: Path, dead: Sequence[Message] | None = None) -> None:
        """`dead`: what nobody could handle, on a bus; without it there is none."""
        self._dead = dead
        self.port = free_port()
        self._home = Home(folder)
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        """Serve, and wait until it does."""
        self._thread.start()
        eventually(lambda: self._server is not None and self._server.started, what="the API")

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()

    async def _serve(self) -> None:
        settings = Settings(home=self._home.path, port=self.port)
        endpoint = f"http://127.0.0.1:{self.port}/v1"
        self._home.prepare()
        databases = Databases(self._home, settings)
        databases.prepare()
        foundation = lay_foundation(self._home, settings, databases, {})
        queues = None if self._dead is None else MemoryBus(TOPOLOGY)
        if queues is not None:
            await refused(queues, "usage", *(self._dead or ()))
        container = build_container(foundation, queues)
        credentials = Credentials(self._home.credentials, endpoint)
        foothold = await container.identity.ensure_access(has_credentials=False, keep=credentials.keep)
        await furnish(container, foothold.organization_id)
        engine = EngineTwin()
        engine.start()
        health = Health(engine, {}, started=True)
        welcome = Welcome(settings, {}, container.catalog, foothold.organization_id, endpoint, None)
        sign_in = build_sign_in(container)
        await first_operator(sign_in, foundation.bus, credentials)
        app = management_app(container, sign_in, health, welcome, self._home)
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_config=None, lifespan="off", ws="none"))
        await self._server.serve()
        await container.close()
