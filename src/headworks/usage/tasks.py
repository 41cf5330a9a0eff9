"""The door for events, which the engine's spool delivers in batches and at least once; and what usage does by the clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headworks.kernel.clock import monotonic, now
from headworks.kernel.contention import until_it_holds
from headworks.kernel.errors import Unavailable
from headworks.kernel.moments import micros, said, second_of
from headworks.kernel.telemetry import logger
from headworks.usage import commands
from headworks.usage.domain.rollups import SECONDS, Compared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headworks.kernel.clock import Clock
    from headworks.usage.contracts import Ingested
    from headworks.usage.ports import Prices, UsageStore
    from headworks.usage.settings import UsageSettings

_log = logger(__name__)

_SECOND_US: Final = 1_000_000
_LOOK_SECONDS: Final = 2
"""How soon it is seen that roll-ups are to be made anew."""
_COMPARED_HOURS: Final = 30 * 24
"""How far back roll-ups are compared with their records, before it begins with the newest again."""


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
    await store.make_partitions(at)
    mark_ups, book = await store.bookkeeper.mark_up_book(), await prices.price_book()

    async def attempt() -> Ingested:
        async with store.read(None) as reading:
            kept_from_us = await reading.kept_from()
        batch = commands.prepare(events, book, mark_ups, at, kept_from_us)
        done = await commands.store(store, batch, at, before_commit)
        if done.rejected:
            reasons = sorted({one.reason for one in batch.rejections})
            _log.error("usage events put aside", count=done.rejected, reasons=reasons)
        return done

    # Once a month, if at that very moment. What is stored already is passed over.
    return await until_it_holds(attempt, lost=(commands.KeptFromMoved,))


class Keeper:
    """Makes roll-ups anew that were asked for, forgets old ones, compares an hour at a time, and says what records may be forgotten.

    Sees to it that there is a place for the records of next month, and none any more for those of months that are forgotten.

    Safe to run twice, also in two processes.
    """

    def __init__(self, store: UsageStore, settings: UsageSettings, clock: Clock = now) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._looked: float | None = None
        self._back = 0
        self.compared = Compared(0, 0, 0)
        """What was looked at since the start, and how much of it was wrong: nothing, ever."""
        self.days_pending = 0
        self.rejected = 0
        """Events that were put aside, ever: the log has the reasons."""
        self.kept_from_s = 0
        """Since when records are kept, in seconds since 1970; 0 for ever."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.make_anew()
                if self._looked is None or monotonic() - self._looked >= self._settings.keep_seconds:
                    await self.look_after()
                    self._looked = monotonic()
            except Unavailable as error:
                _log.warning("roll-ups not kept, trying again", detail=error.detail or error.message)
            except Exception:  # noqa: BLE001 - a bug here must not take the front door away
                _log.exception("roll-ups not kept, trying again")
            await asyncio.sleep(_LOOK_SECONDS)

    async def make_anew(self) -> None:
        """All that is asked for now. Raises Unavailable."""
        async with self._store.read(None) as reading:
            self.days_pending = len(await reading.pending_days())
        hours = 0
        while self.days_pending and await commands.make_next_hour(self._store, self._settings, self._now_s()):
            hours += 1
            # Others want to write, too.
            await asyncio.sleep(0)
        if hours:
            self.days_pending = 0
            _log.info("roll-ups made anew", hours=hours)

    async def look_after(self) -> None:
        """Forget what is old, and compare one hour, the newest that is over first. Raises Unavailable."""
        await self._store.make_partitions(self._clock())
        await self._keep_records()
        await self._store.drop_partitions(self.kept_from_s * _SECOND_US)
        now_s = self._now_s()
        await commands.forget_old(self._store, self._settings, now_s)
        self._back = self._back % _COMPARED_HOURS + 1
        hour_s = now_s - now_s % SECONDS["hour"] - self._back * SECONDS["hour"]
        found = await commands.compare_hour(self._store, self._settings, hour_s, now_s)
        self.compared += found
        if found.wrong:
            _log.error("roll-ups are not what their records say", hour_s=hour_s, wrong=found.wrong)

    async def _keep_records(self) -> None:
        wanted = self._settings.records_from(self._clock())
        async with self._store.read(None) as reading:
            kept_from_us = await reading.kept_from()
            self.rejected = await reading.rejected()
        if (
            wanted is not None
            and micros(wanted) > kept_from_us
            and await commands.keep_from(self._store, micros(wanted))
        ):
            kept_from_us = micros(wanted)
            _log.info("older records may be forgotten", kept_from=said(kept_from_us))
        self.kept_from_s = kept_from_us // _SECOND_US

    def _now_s(self) -> int:
        return second_of(self._clock())
