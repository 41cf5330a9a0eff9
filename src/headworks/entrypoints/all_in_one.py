"""Everything in one process, `headworks up`: the engine as the front door, the controller and the control plane behind it.

It reads in the order in which things happen. Whatever fails before the door opens ends the start with a sentence.
"""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.audit.facade import AuditFacade
from headworks.bootstrap.anchors import Anchors
from headworks.bootstrap.bus import bus_from
from headworks.bootstrap.container import (
    build_container,
    build_controller,
    build_intake,
    furnish,
    lay_foundation,
)
from headworks.bootstrap.controller import ControllerThread
from headworks.bootstrap.credentials import Credentials, endpoint_of
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.engine import make_engine
from headworks.bootstrap.environment import environment
from headworks.bootstrap.forgetting import EngineForgets, forget_on_changes
from headworks.bootstrap.health import Health
from headworks.bootstrap.ledger import tell
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.shipper import ShipperThread
from headworks.bootstrap.socket_path import socket_path
from headworks.bootstrap.welcome import Welcome
from headworks.entrypoints import serving
from headworks.entrypoints.serving import Stop, drain, end
from headworks.kernel.telemetry import logger
from headworks.ledger.contracts import ThresholdCrossed

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from headworks.bootstrap.container import Container, ControllerParts, Foundation
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.local_server import LocalServer
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine
    from headworks.kernel.bus import Bus

_log = logger(__name__)

_OPEN_SECONDS = 10.0


def run(settings: Settings, *, serves_inference: bool = True) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error.

    Without `serves_inference` it is a control plane, which other gateways ask.
    """

    def begin(home: Home) -> Coroutine[None, None, int]:
        databases = Databases(home, settings)
        databases.prepare()
        return _serve(home, settings, databases, serves_inference=serves_inference)

    return serving.run(settings, begin)


@dataclass(frozen=True, slots=True)
class _House:
    """What stands before the door opens."""

    home: Home
    settings: Settings
    foundation: Foundation
    container: Container
    engine: Engine
    control_socket: Path
    controller: ControllerThread
    shipper: ShipperThread


async def _serve(home: Home, settings: Settings, databases: Databases, *, serves_inference: bool = True) -> int:
    stop = Stop()
    async with AsyncExitStack() as stack:
        queues = None if serves_inference else await _queues(home, settings)
        house = _build(home, settings, databases, stack, queues, serves_inference=serves_inference)
        credentials = Credentials(home.credentials, endpoint_of(settings))
        foothold = await house.container.identity.ensure_access(
            has_credentials=credentials.usable, keep=credentials.keep, operator_email=settings.operator_email
        )
        await furnish(house.container, foothold.organization_id)

        # From here on inference is served; the management API is loaded behind the open door.
        endpoint = endpoint_of(settings, house.engine.start())
        credentials.point_to(endpoint)
        shipping = asyncio.wrap_future(house.shipper.start())
        first_key = foothold.keys.inference if foothold.keys is not None else None
        welcome = Welcome(
            settings,
            house.foundation.environment,
            house.container.catalog,
            foothold.organization_id,
            endpoint,
            first_key,
        )
        health = _health(house)
        control_plane = await _open_management(house, health, welcome, credentials)
        serving = control_plane.start()
        gc.collect()
        # What is there now stays: the collector need not walk through it while somebody waits for an answer.
        gc.freeze()
        health.started = True
        greeting = asyncio.create_task(welcome.greet() if serves_inference else asyncio.sleep(0), name="welcome")
        anchors = Anchors(AuditFacade(house.container.trails), settings.audit_anchor_seconds)
        noting = asyncio.create_task(anchors.run(), name="anchors")
        keeping = asyncio.create_task(house.container.keeper.run(), name="keeper")
        rolling = asyncio.create_task(house.container.usage_keeper.run(), name="roll-ups")

        await stop.wait(serving, shipping, noting, keeping, rolling)
        greeting.cancel()
        noting.cancel()
        await end(keeping)
        await end(rolling)
        await _close(house, control_plane)
        await anchors.note()
    return stop.status


async def _queues(home: Home, settings: Settings) -> Bus | None:
    """Of a control plane that was told of the broker: for dead letters alone, so that it is asked when somebody looks."""
    return None if settings.bus_url is None else await bus_from(settings.bus_url, TOPOLOGY, home.path)


def _build(
    home: Home,
    settings: Settings,
    databases: Databases,
    stack: AsyncExitStack,
    queues: Bus | None,
    *,
    serves_inference: bool,
) -> _House:
    control_socket = stack.enter_context(socket_path(home.control_socket))
    engine = make_engine(settings, home.spool, control_socket, serves_inference=serves_inference)
    foundation = lay_foundation(home, settings, databases, environment())
    container = build_container(foundation, queues)
    stack.push_async_callback(container.close)
    recovered: Future[None] = Future()
    parts = build_controller(foundation, recovered)
    # After the facades of `build_…`, which remember.
    forget_on_changes(foundation.bus, EngineForgets(engine))
    foundation.bus.subscribe(ThresholdCrossed, tell)
    if settings.gateways_listen is None:
        controller = ControllerThread(engine, parts.opened())
        controller.start()
    else:
        controller = _listening(settings, foundation, engine, parts, container)
    stack.callback(controller.stop)
    shipper = ShipperThread(engine, build_intake(foundation), recovered)
    return _House(home, settings, foundation, container, engine, control_socket, controller, shipper)


def _listening(
    settings: Settings, foundation: Foundation, engine: Engine, parts: ControllerParts, container: Container
) -> ControllerThread:
    """Raises OSError when there is no listening to gateways."""
    from headworks.bootstrap.gateways import open_to_gateways  # noqa: PLC0415 - gRPC, which one process alone does without
    from headworks.gateway.rpc import Changes  # noqa: PLC0415 - as above

    changes, opened = Changes(), Future[int]()
    forget_on_changes(foundation.bus, changes)
    controller = ControllerThread(engine, open_to_gateways(parts, settings, changes, container.roster, opened))
    controller.start()
    opened.result(_OPEN_SECONDS)
    return controller


def _health(house: _House) -> Health:
    probes = {f"{name} database": database.ping for name, database in house.container.databases.items()}
    probes |= {"controller": house.controller.probe, "shipper": house.shipper.probe}
    return Health(house.engine, probes, refuses_when_full=house.settings.spool_when_full == "refuse")


async def _open_management(house: _House, health: Health, welcome: Welcome, credentials: Credentials) -> LocalServer:
    from headworks.bootstrap.control_plane import management_app  # noqa: PLC0415 - half a second that no model call waits for
    from headworks.bootstrap.local_server import LocalServer  # noqa: PLC0415 - as above
    from headworks.bootstrap.sign_in import build_sign_in, first_operator  # noqa: PLC0415 - as above

    sign_in = build_sign_in(house.container)
    welcome.operator = await first_operator(sign_in, house.foundation.bus, credentials)
    return LocalServer(management_app(house.container, sign_in, health, welcome, house.home), house.control_socket)


async def _close(house: _House, control_plane: LocalServer) -> None:
    """Let open requests finish, store what they used, and only then take away what they need."""
    await drain(house.engine, house.settings.drain_seconds)
    await control_plane.stop()
    await asyncio.to_thread(house.shipper.stop)
    _log.info("stopped")
