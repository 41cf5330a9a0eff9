"""Everything in one process, `headworks up`: the engine as the front door, the controller and the control plane behind it.

It reads in the order in which things happen. Whatever fails before the door opens ends the start with a sentence.
"""

from __future__ import annotations

import asyncio
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
from headworks.bootstrap.flow_table import EngineForgets
from headworks.bootstrap.forgetting import forget_on_changes
from headworks.bootstrap.health import Health
from headworks.bootstrap.ledger import tell
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.objects import objects_from
from headworks.bootstrap.shares import Office
from headworks.bootstrap.shipper import ShipperThread
from headworks.bootstrap.socket_path import socket_path
from headworks.bootstrap.upkeep import begin_upkeep
from headworks.bootstrap.welcome import Welcome
from headworks.entrypoints import serving
from headworks.entrypoints.serving import Stop, drain, end, spare_collector
from headworks.kernel.telemetry import logger
from headworks.ledger.contracts import ThresholdCrossed

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from headworks.bootstrap.container import Container, ControllerParts, Foundation
    from headworks.bootstrap.hearing import Hearing
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.local_server import LocalServer
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine
    from headworks.kernel.bus import Bus
    from headworks.kernel.objects import Objects

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
    hearing: Hearing
    shipper: ShipperThread
    makes_credentials: bool
    """Where the data folder has none. Of several control planes one has them, and each start of another would make more."""
    office: Office | None
    """Where other gateways count the same limits."""
    objects: Objects | None
    """Where one is set."""


async def _serve(home: Home, settings: Settings, databases: Databases, *, serves_inference: bool = True) -> int:
    stop = Stop()
    async with AsyncExitStack() as stack:
        queues = None if serves_inference else await _queues(home, settings)
        house = _build(home, settings, databases, stack, queues, serves_inference=serves_inference)
        credentials = Credentials(home.credentials, endpoint_of(settings))
        foothold = await house.container.identity.ensure_access(
            has_credentials=credentials.usable or not house.makes_credentials,
            keep=credentials.keep,
            operator_email=settings.operator_email,
        )
        await furnish(house.container, foothold.organization_id)

        # From here on inference is served; the management API is loaded behind the open door. Who has nothing else to serve opens
        # it when that is done, unless people are to be told of a port that is not known before.
        opens_early = serves_inference or not settings.port
        endpoint = endpoint_of(settings, house.engine.start() if opens_early else None)
        credentials.point_to(endpoint)
        shipping = asyncio.wrap_future(house.shipper.start()) if opens_early else None
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
        if shipping is None:
            house.engine.start()
            shipping = asyncio.wrap_future(house.shipper.start())
        spare_collector()
        health.started = True
        greeting = asyncio.create_task(welcome.greet() if serves_inference else asyncio.sleep(0), name="welcome")
        anchors = Anchors(AuditFacade(house.container.trails), settings.audit_anchor_seconds)
        noting = asyncio.create_task(anchors.run(), name="anchors")
        upkeep = begin_upkeep(house.container) if settings.upkeep else []

        await stop.wait(serving, shipping, noting, *upkeep)
        greeting.cancel()
        noting.cancel()
        for task in upkeep:
            await end(task)
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
    office = None if settings.gateways_listen is None else Office(settings.redis_url)
    objects = objects_from(settings.objects_url)
    engine = make_engine(
        settings, home.spool, control_socket, serves_inference=serves_inference, shares_limits=office is not None
    )
    foundation = lay_foundation(home, settings, databases, environment())
    container = build_container(foundation, queues)
    stack.push_async_callback(container.close)
    recovered: Future[None] = Future()
    parts = build_controller(foundation, recovered, office)
    # After the facades of `build_…`, which remember.
    forgets = EngineForgets(engine)
    forget_on_changes(foundation.bus, forgets)
    foundation.bus.subscribe(ThresholdCrossed, tell)
    if office is None:
        controller = ControllerThread(engine, parts.opened())
        controller.start()
    else:
        office.tells(forgets.share)
        controller = _listening(settings, foundation, engine, parts, container, office)
    stack.callback(controller.stop)
    shipper = ShipperThread(engine, build_intake(foundation), recovered)
    return _House(
        home,
        settings,
        foundation,
        container,
        engine,
        control_socket,
        controller,
        parts.hearing,
        shipper,
        office=office,
        objects=objects,
        makes_credentials=serves_inference or settings.new_credentials,
    )


def _listening(
    settings: Settings,
    foundation: Foundation,
    engine: Engine,
    parts: ControllerParts,
    container: Container,
    office: Office,
) -> ControllerThread:
    """Raises OSError when there is no listening to gateways."""
    from headworks.bootstrap.gateways import open_to_gateways  # noqa: PLC0415 - gRPC, which one process alone does without
    from headworks.gateway.rpc import Changes  # noqa: PLC0415 - as above

    changes, opened = Changes(), Future[int]()
    forget_on_changes(foundation.bus, changes)
    office.tells(changes.share)
    controller = ControllerThread(engine, open_to_gateways(parts, settings, office, changes, container.roster, opened))
    controller.start()
    opened.result(_OPEN_SECONDS)
    return controller


def _health(house: _House) -> Health:
    probes = {f"{name} database": database.ping for name, database in house.container.databases.items()}
    probes |= {"controller": house.controller.probe, "shipper": house.shipper.probe, "changes": house.hearing.probe}
    if house.office is not None:
        probes["shares of limits"] = house.office.probe
    if house.objects is not None:
        probes["object store"] = house.objects.probe
    return Health(house.engine, probes, refuses_when_full=house.settings.spool_when_full == "refuse")


async def _open_management(house: _House, health: Health, welcome: Welcome, credentials: Credentials) -> LocalServer:
    from headworks.bootstrap.control_plane import management_app  # noqa: PLC0415 - half a second that no model call waits for
    from headworks.bootstrap.local_server import LocalServer  # noqa: PLC0415 - as above
    from headworks.bootstrap.sign_in import build_sign_in, first_operator  # noqa: PLC0415 - as above

    sign_in = build_sign_in(house.container)
    welcome.operator = await first_operator(
        sign_in, house.foundation.bus, credentials, replaces=house.makes_credentials
    )
    app = management_app(house.container, sign_in, health, welcome, house.home, house.hearing, house.objects)
    return LocalServer(app, house.control_socket)


async def _close(house: _House, control_plane: LocalServer) -> None:
    """Let open requests finish, store what they used, and only then take away what they need."""
    await drain(house.engine, house.settings.drain_seconds)
    await control_plane.stop()
    await asyncio.to_thread(house.shipper.stop)
    _log.info("stopped")
