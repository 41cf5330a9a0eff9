"""The role `usage`: stores what gateways tell, settles it in the ledger, and keeps the sums. Any number of them may run.

What the ledger does by the clock is control's: it lends, and gateways that borrowed hear from it when a raise ends.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from headworks.bootstrap.beacon import beacon
from headworks.bootstrap.bus import bus_from
from headworks.bootstrap.container import build_container, build_intake, lay_foundation
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.engine import make_engine
from headworks.bootstrap.environment import environment
from headworks.bootstrap.health import Health
from headworks.bootstrap.ledger import tell
from headworks.bootstrap.local_server import LocalServer
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.socket_path import socket_path
from headworks.bootstrap.usage import UsageMetrics
from headworks.bootstrap.usage_queue import store_for_ever
from headworks.entrypoints import serving
from headworks.entrypoints.serving import Stop, drain, end
from headworks.kernel.telemetry import logger
from headworks.kernel.telemetry.metrics import Metrics
from headworks.ledger.contracts import ThresholdCrossed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings

_log = logger(__name__)


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""

    def begin(home: Home) -> Coroutine[None, None, int]:
        databases = Databases(home, settings)
        databases.prepare()
        return _serve(home, settings, databases)

    return serving.run(settings, begin)


async def _serve(home: Home, settings: Settings, databases: Databases) -> int:
    stop = Stop()
    async with AsyncExitStack() as stack:
        control_socket = stack.enter_context(socket_path(home.control_socket))
        # Its front door is the engine's as everywhere, for health and metrics.
        engine = make_engine(settings, home.spool, control_socket, serves_inference=False)
        foundation = lay_foundation(home, settings, databases, environment())
        foundation.bus.subscribe(ThresholdCrossed, tell)
        container, intake = build_container(foundation), build_intake(foundation)
        stack.push_async_callback(container.close)
        stack.push_async_callback(intake.close)
        bus = await bus_from(settings.bus_url, TOPOLOGY, home.path)
        stack.push_async_callback(bus.close)
        probes = {f"{name} database": database.ping for name, database in container.databases.items()}
        health = Health(engine, {**probes, "broker": bus.ping}, refuses_when_full=False)
        metrics = Metrics()
        UsageMetrics(metrics, container.usage_keeper)
        server = LocalServer(beacon(health, metrics, settings.metrics_networks), control_socket)
        address = engine.start()
        answering = server.start()
        storing = asyncio.create_task(store_for_ever(bus, intake), name="storing")
        rolling = asyncio.create_task(container.usage_keeper.run(), name="roll-ups")
        health.started = True
        _log.info("usage is stored", address=address)

        await stop.wait(answering, storing, rolling)
        for task in (storing, rolling):
            await end(task)
        await intake.finish()
        await drain(engine, settings.drain_seconds)
        await server.stop()
        _log.info("stopped")
    return stop.status
