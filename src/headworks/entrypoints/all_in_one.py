"""Everything in one process, `headworks up`: the engine as the front door, the controller and the control plane behind it.

It reads in the order in which things happen. Whatever fails before the door opens ends the start with a sentence.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headworks.audit.facade import AuditFacade
from headworks.bootstrap.anchors import Anchors
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
from headworks.bootstrap.home import Home, HomeError
from headworks.bootstrap.ledger import tell
from headworks.bootstrap.shipper import ShipperThread
from headworks.bootstrap.socket_path import socket_path
from headworks.bootstrap.welcome import Welcome
from headworks.dataplane.engine import EngineError
from headworks.kernel.errors import HeadworksError
from headworks.kernel.telemetry import configure_logs, logger
from headworks.ledger.contracts import ThresholdCrossed

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.bootstrap.container import Container, Foundation
    from headworks.bootstrap.control_plane import ControlPlane
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine

_log = logger(__name__)

_SWITCH_SECONDS = 0.0005
"""How long a thread keeps the interpreter while another wants it: the most that an answer waits for other Python."""
_DESCRIPTORS = 65_536
_FAILED = 1
_CUT = 130


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""
    configure_logs(settings.log_level)
    _prepare_process()
    try:
        home = Home(settings.home)
        home.prepare()
        with home.lock():
            databases = Databases(home, settings)
            databases.prepare()
            return asyncio.run(_serve(home, settings, databases))
    except (HomeError, EngineError, HeadworksError, OSError, ValueError) as error:
        sys.stderr.write(f"headworks: {error}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _CUT


def _prepare_process() -> None:
    os.umask(0o077)
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Each open stream takes two descriptors, and the usual limit is 1024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else most
    with suppress(ValueError, OSError):  # macOS has a second limit, which it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


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


async def _serve(home: Home, settings: Settings, databases: Databases) -> int:
    stop = _Stop()
    async with AsyncExitStack() as stack:
        house = _build(home, settings, databases, stack)
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
        greeting = asyncio.create_task(welcome.greet(), name="welcome")
        anchors = Anchors(AuditFacade(house.container.trails), settings.audit_anchor_seconds)
        noting = asyncio.create_task(anchors.run(), name="anchors")
        keeping = asyncio.create_task(house.container.keeper.run(), name="keeper")
        rolling = asyncio.create_task(house.container.usage_keeper.run(), name="roll-ups")

        await stop.wait(serving, shipping, noting, keeping, rolling)
        greeting.cancel()
        noting.cancel()
        await _end(keeping)
        await _end(rolling)
        await _close(house, control_plane)
        await anchors.note()
    return stop.status


def _build(home: Home, settings: Settings, databases: Databases, stack: AsyncExitStack) -> _House:
    control_socket = stack.enter_context(socket_path(home.control_socket))
    engine = make_engine(settings, home.spool, control_socket)
    foundation = lay_foundation(home, settings, databases, environment())
    container = build_container(foundation)
    stack.push_async_callback(container.close)
    recovered: Future[None] = Future()
    controller = ControllerThread(engine, build_controller(foundation, recovered).opened())
    # After the facades of `build_…`, which remember.
    forget_on_changes(foundation.bus, EngineForgets(engine))
    foundation.bus.subscribe(ThresholdCrossed, tell)
    controller.start()
    stack.callback(controller.stop)
    shipper = ShipperThread(engine, build_intake(foundation), recovered)
    return _House(home, settings, foundation, container, engine, control_socket, controller, shipper)


def _health(house: _House) -> Health:
    probes = {f"{name} database": database.ping for name, database in house.container.databases.items()}
    probes |= {"controller": house.controller.probe, "shipper": house.shipper.probe}
    return Health(house.engine, probes, refuses_when_full=house.settings.spool_when_full == "refuse")


async def _open_management(house: _House, health: Health, welcome: Welcome, credentials: Credentials) -> ControlPlane:
    from headworks.bootstrap.control_plane import (  # noqa: PLC0415 - half a second that no model call waits for
        ControlPlane,
        management_app,
    )
    from headworks.bootstrap.sign_in import build_sign_in, first_operator  # noqa: PLC0415 - as above

    sign_in = build_sign_in(house.container)
    welcome.operator = await first_operator(sign_in, house.foundation.bus, credentials)
    return ControlPlane(management_app(house.container, sign_in, health, welcome, house.home), house.control_socket)


async def _close(house: _House, control_plane: ControlPlane) -> None:
    """Let open requests finish, store what they used, and only then take away what they need."""
    seconds = house.settings.drain_seconds
    _log.info("stopping", drain_seconds=seconds)
    whole = await asyncio.to_thread(house.engine.drain, seconds)
    if not whole:
        _log.warning("open requests were cut", drain_seconds=seconds)
    await control_plane.stop()
    await asyncio.to_thread(house.shipper.stop)
    _log.info("stopped")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it, and wait until what it was doing to a database is undone."""
    task.cancel()
    await asyncio.wait([task])


class _Stop:
    """Hears SIGINT and SIGTERM: the first asks to stop, the second ends the process on the spot."""

    def __init__(self) -> None:
        self.status = 0
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._hear)

    async def wait(self, *parts: asyncio.Future[None]) -> None:
        """Until somebody asks, or one of the parts ends, which none of them should."""
        asked = asyncio.create_task(self._asked.wait(), name="stop")
        everything: list[asyncio.Future[Any]] = [asked, *parts]
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for part in parts:
            if part.done():
                self.status = _FAILED
                _log.error("a part of the server ended", exc_info=part.exception())

    def _hear(self) -> None:
        if self._asked.is_set():
            # Nothing is lost: what was open is settled at the next start, as after any other sudden end.
            os._exit(_CUT)
        self._asked.set()
