"""The door for events: what the engine's spool delivers goes in here, in batches, and at least once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.clock import now
from headworks.kernel.telemetry import logger
from headworks.usage import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headworks.kernel.clock import Clock
    from headworks.usage.contracts import Ingested
    from headworks.usage.ports import Prices, UsageStore

_log = logger(__name__)


def _nothing() -> None:
    """The usual `before_commit`."""


async def ingest(
    store: UsageStore,
    prices: Prices,
    events: Sequence[Sequence[object]],
    *,
    clock: Clock = now,
    before_commit: Callable[[], None] = _nothing,
) -> Ingested:
    """Store events, in the order of `dataplane.events.UsageEvent`, each once. When it returns, all is on disk.

    An event that cannot be stored is put aside with the reason, and is never in the way of others. Raises Unavailable
    when a database does not answer: give the same events again later. `before_commit` is for the kill tests.
    """
    at = clock()
    mark_ups = await store.bookkeeper.mark_up_book()
    batch = commands.prepare(events, await prices.price_book(), mark_ups, at)
    done = await commands.store(store, batch, at, before_commit)
    if done.rejected:
        _log.error(
            "usage events put aside", count=done.rejected, reasons=sorted({one.reason for one in batch.rejections})
        )
    return done
