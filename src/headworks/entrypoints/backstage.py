"""A process that no client speaks to: it works on the databases, behind a front door for health and metrics alone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.bootstrap.beacon import Beacon
from headworks.bootstrap.container import build_container, lay_foundation
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.engine import make_engine
from headworks.bootstrap.environment import environment
from headworks.bootstrap.health import Health
from headworks.bootstrap.ledger import tell
from headworks.bootstrap.socket_path import socket_path
from headworks.entrypoints import serving
from headworks.entrypoints.serving import Stop, drain, spare_collector
from headworks.kernel.telemetry import logger
from headworks.kernel.telemetry.metrics import Metrics
from headworks.ledger.contracts import ThresholdCrossed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from headworks.bootstrap.container import Container, Foundation
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.roles import Role
    from headworks.bootstrap.settings import Settings

    Probes: TypeAlias = dict[str, Callable[[], Awaitable[None]]]
    Work: TypeAlias = Callable[["Backstage"], AbstractAsyncContextManager[Sequence[asyncio.Task[None]]]]
    """Begins, gives its tasks, none of which ends by itself, and ends them when its block does."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Backstage:
    """What the work is given."""

    home: Home
    settings: Settings
    foundation: Foundation
    container: Container
    metrics: Metrics
    probes: Probes
    """For `/health/ready`; the work adds its own."""


def run(settings: Settings, role: Role, work: Work) -> int:
    """Work until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""

    def begin(home: Home) -> Coroutine[None, None, int]:
        databases = Databases(home, settings)
        databases.prepare(role)
        return _serve(home, settings, databases, work)

    return serving.run(settings, begin)


async def _serve(home: Home, settings: Settings, databases: Databases, work: Work) -> int:
    stop = Stop()
    async with AsyncExitStack() as stack:
        control_socket = stack.enter_context(socket_path(home.control_socket))
        # The front door is the engine's as everywhere.
        engine = make_engine(settings, home.spool, control_socket, serves_inference=False)
        foundation = lay_foundation(home, settings, databases, environment())
        foundation.bus.subscribe(ThresholdCrossed, tell)
        container = build_container(foundation)
        stack.push_async_callback(container.close)
        probes: Probes = {f"{name} database": database.ping for name, database in container.databases.items()}
        stage = Backstage(home, settings, foundation, container, Metrics(), probes)
        async with work(stage) as tasks:
            health = Health(engine, stage.probes, refuses_when_full=False)
            beacon = Beacon(health, stage.metrics, settings.metrics_networks, control_socket)
            address = engine.start()
            answering = beacon.start()
            spare_collector()
            health.started = True
            _log.info("at work", address=address)
            await stop.wait(answering, *tasks)
        await drain(engine, settings.drain_seconds)
        await beacon.stop()
        _log.info("stopped")
    return stop.status
