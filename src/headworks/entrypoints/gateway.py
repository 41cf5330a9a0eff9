"""The role `gateway`: the engine in front, a control plane in another process behind it, and usage handed to a queue."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headworks.bootstrap.beacon import Beacon
from headworks.bootstrap.bus import bus_from
from headworks.bootstrap.controller import ControllerThread
from headworks.bootstrap.engine import make_engine
from headworks.bootstrap.health import Health
from headworks.bootstrap.leaving import Leaving
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.remote import FormerLife, Remote, RemoteMetrics
from headworks.bootstrap.shipper import ShipperThread
from headworks.bootstrap.socket_path import socket_path
from headworks.bootstrap.usage_queue import UsageQueue
from headworks.entrypoints import serving
from headworks.entrypoints.serving import Stop, drain, spare_collector
from headworks.kernel.telemetry import logger
from headworks.kernel.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine
    from headworks.kernel.bus import Bus

_log = logger(__name__)


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""

    def begin(home: Home) -> Coroutine[Any, Any, int]:
        return _serve(home, settings)

    return serving.run(settings, begin)


@dataclass(frozen=True, slots=True)
class _Gateway:
    """What stands before the door opens."""

    engine: Engine
    remote: Remote
    controller: ControllerThread
    shipper: ShipperThread
    beacon: Beacon
    health: Health


async def _serve(home: Home, settings: Settings) -> int:
    stop = Stop()
    with ExitStack() as stack:
        bus = await bus_from(settings.bus_url, TOPOLOGY, home.path)
        gateway = _build(home, settings, bus, stack)
        address = gateway.engine.start()
        gateway.controller.start()
        stack.callback(gateway.controller.stop)
        shipping = asyncio.wrap_future(gateway.shipper.start())
        serving_health = gateway.beacon.start()
        spare_collector()
        gateway.health.started = True
        _log.info("gateway serves", address=address, control=settings.control_address)
        await stop.wait(serving_health, shipping)
        await _close(gateway, settings)
    return stop.status


def _build(home: Home, settings: Settings, bus: Bus, stack: ExitStack) -> _Gateway:
    control_socket = stack.enter_context(socket_path(home.control_socket))
    engine = make_engine(settings, home.spool, control_socket, shares_limits=True)
    recovered: Future[None] = Future()
    former = FormerLife()
    leaving = Leaving()
    remote = Remote(home, settings, engine, leaving)
    controller = ControllerThread(engine, remote.opened(former, recovered))
    queue = UsageQueue(bus, former, recovered)
    shipper = ShipperThread(engine, queue, recovered)
    probes = {"controller": controller.probe, "control plane": remote.probe, "usage queue": shipper.probe}
    health = Health(engine, probes, refuses_when_full=settings.spool_when_full == "refuse", leaving=leaving)
    metrics = Metrics()
    RemoteMetrics(metrics, remote, leaving)
    beacon = Beacon(health, metrics, settings.metrics_networks, control_socket)
    return _Gateway(engine, remote, controller, shipper, beacon, health)


async def _close(gateway: _Gateway, settings: Settings) -> None:
    """Have balancers leave, let open requests finish, hand over what they used, and only then take away what they need."""
    gateway.health.leaving.end()
    if settings.leave_seconds:
        _log.info("leaving", leave_seconds=settings.leave_seconds)
        await asyncio.sleep(settings.leave_seconds)
    await drain(gateway.engine, settings.drain_seconds)
    await gateway.beacon.stop()
    await asyncio.to_thread(gateway.shipper.stop)
    _log.info("stopped")
