"""The role `worker`: what takes long and what is due by the clock, away from whoever answers. Any number of them may run.

Raises and holds that end, sums that are made anew, hours that are compared, records that are forgotten. The other roles do it
themselves unless they are told to leave it (`HEADWORKS_UPKEEP=false`); all of it is safe to do twice.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headworks.bootstrap.upkeep import begin_upkeep, show_upkeep
from headworks.entrypoints import backstage
from headworks.entrypoints.serving import end

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from headworks.bootstrap.settings import Settings
    from headworks.entrypoints.backstage import Backstage


def run(settings: Settings) -> int:
    """Work until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""
    return backstage.run(settings, "worker", _upkeep)


@asynccontextmanager
async def _upkeep(stage: Backstage) -> AsyncIterator[list[asyncio.Task[None]]]:
    show_upkeep(stage.metrics, stage.container)
    tasks = begin_upkeep(stage.container)
    yield tasks
    for task in tasks:
        await end(task)
