"""What is due by the clock and asked for by nobody: the keepers of the ledger and of the sums, in whichever process has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headworks.bootstrap.ledger import LedgerMetrics
from headworks.bootstrap.usage import UsageMetrics

if TYPE_CHECKING:
    from headworks.bootstrap.container import Container
    from headworks.kernel.telemetry.metrics import Metrics


def begin_upkeep(container: Container) -> list[asyncio.Task[None]]:
    """None of the tasks ends by itself."""
    return [
        asyncio.create_task(container.keeper.run(), name="keeper"),
        asyncio.create_task(container.usage_keeper.run(), name="roll-ups"),
    ]


def show_upkeep(metrics: Metrics, container: Container) -> None:
    """What they found, for a process that has them: another one has looked at nothing, and its zeros would say nothing."""
    LedgerMetrics(metrics, container.keeper)
    UsageMetrics(metrics, container.usage_keeper)
