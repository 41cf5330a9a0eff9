"""The role `usage`: stores what gateways tell, settles it in the ledger, and keeps the sums. Any number of them may run.

What the ledger does by the clock is control's, or a worker's.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.bootstrap.bus import bus_from
from headworks.bootstrap.container import build_intake
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.usage import UsageMetrics
from headworks.bootstrap.usage_queue import store_for_ever
from headworks.entrypoints import backstage
from headworks.entrypoints.serving import end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headworks.bootstrap.settings import Settings
    from headworks.entrypoints.backstage import Backstage


def run(settings: Settings) -> int:
    """Work until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""
    return backstage.run(settings, "usage", _storing)


@asynccontextmanager
async def _storing(stage: Backstage) -> AsyncIterator[list[asyncio.Task[None]]]:
    intake = build_intake(stage.foundation)
    try:
        bus = await bus_from(stage.settings.bus_url, TOPOLOGY, stage.home.path)
        try:
            stage.probes["broker"] = bus.ping
            tasks = [asyncio.create_task(store_for_ever(bus, intake), name="storing")]
            if stage.settings.upkeep:
                UsageMetrics(stage.metrics, stage.container.usage_keeper)
                tasks.append(asyncio.create_task(stage.container.usage_keeper.run(), name="roll-ups"))
            yield tasks
            for task in tasks:
                await end(task)
            await intake.finish()
        finally:
            await bus.close()
    finally:
        await intake.close()
