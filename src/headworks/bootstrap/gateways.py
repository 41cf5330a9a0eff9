"""A control plane that gateways in other processes ask: the gRPC server beside the controller, in its loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from headworks.bootstrap.census import Census
from headworks.bootstrap.peers import server_credentials
from headworks.gateway.rpc import ControlServer, Listen
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Future

    from headworks.bootstrap.container import ControllerParts
    from headworks.bootstrap.settings import Settings
    from headworks.bootstrap.shares import Office
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.rpc import Changes
    from headworks.gateway.tasks import Controller

_log = logger(__name__)

_STOP_SECONDS: Final = 2.0


@asynccontextmanager
async def open_to_gateways(
    parts: ControllerParts,
    settings: Settings,
    office: Office,
    changes: Changes,
    roster: Roster,
    opened: Future[int],
) -> AsyncIterator[Controller]:
    """Until the block ends. `roster` hears of them; `opened` gets the port, or OSError where there is none to be had."""
    async with parts.opened() as controller, office.opened() as shares:
        server = ControlServer(controller, parts.budgets, parts, shares, changes, roster, lambda: parts.hearing.deaf)
        census = Census(parts.register, roster, changes, office.shared_with)
        try:
            opened.set_result(await server.start(_listen(settings)))
        except (OSError, RuntimeError) as error:
            opened.set_exception(
                OSError(
                    f"Gateways cannot be listened to at {settings.gateways_listen} (HEADWORKS_GATEWAYS_LISTEN): {error}"
                )
            )
            raise
        _log.info("listening to gateways", address=settings.gateways_listen, port=opened.result())
        counting = asyncio.create_task(census.run(), name="census")
        try:
            yield controller
        finally:
            counting.cancel()
            await asyncio.wait([counting])
            await server.stop(_STOP_SECONDS)
            await census.leave()


def _listen(settings: Settings) -> Listen:
    """Raises OSError for certificates that cannot be read."""
    return Listen(settings.gateways_listen or "", server_credentials(settings))
