"""The shipper: moves usage from the engine's spool into the usage database, and lets the spool forget what is stored.

At least once, in order. Whatever keeps it from storing, it tries again for ever, and the spool grows meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from headworks.bootstrap.loop_thread import LoopThread
from headworks.kernel.clock import monotonic
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger
from headworks.usage.tasks import ingest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from headworks.bootstrap.container import ShipperParts
    from headworks.usage.ports import Prices, UsageStore

_log = logger(__name__)

BATCH = 5_000
_LOOK_SECONDS = 1.0
"""How long a record may wait where the descriptor said nothing."""
_GATHER_SECONDS = 0.4
"""How long records are let gather once there are some: a commit, and the sums of a kind, cost the same for one as for a thousand."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts while the database does not answer."""
_USES_SECONDS = 60.0
"""How often the last uses of keys are written: they are told to the minute."""
_FINISH_SECONDS = 10.0
"""How long the rest of the usage may take on its way into the database at the end."""
_NICENESS = 10
"""Storing usage is never urgent. With one core, requests would wait for it; this is a tenth of their weight."""


class Spool(Protocol):
    """As much of the engine as the shipper needs."""

    def usage_fd(self) -> int:
        """Readable when records wait."""

    def take_usage(self, limit: int) -> tuple[int, list[tuple[object, ...]]]:
        """Records that were not taken yet, and the position after them."""

    def confirm_usage(self, position: int) -> None:
        """Everything before `position` is stored."""

    def reach(self, point: str) -> None:
        """A fail point of the kill tests."""


class Shipper:
    """One for each spool."""

    def __init__(
        self,
        spool: Spool,
        store: UsageStore,
        prices: Prices,
        record_uses: Callable[[Mapping[str, datetime]], Awaitable[None]],
        recovered: Future[None] | None = None,
    ) -> None:
        """`record_uses` is told, from time to time, when keys were used last.

        `recovered` is done when all that the spool held at the start is stored.
        """
        self._spool = spool
        self._store = store
        self._prices = prices
        self._record_uses = record_uses
        self._recovered = recovered
        self._taken: tuple[int, list[tuple[object, ...]]] | None = None
        """Taken and not yet confirmed. Kept over a cancellation: the spool gives nothing twice while it is open."""
        self._trouble = ""
        self._uses: dict[str, datetime] = {}
        self._uses_written = monotonic()

    async def run(self) -> None:
        """Ship until cancelled."""
        await self.ship_all()
        if self._recovered is not None and not self._recovered.done():
            self._recovered.set_result(None)
        while True:
            if await _readable(self._spool.usage_fd(), _LOOK_SECONDS):
                await asyncio.sleep(_GATHER_SECONDS)
            await self.ship_all()
            if monotonic() - self._uses_written >= _USES_SECONDS:
                await self._write_uses()

    async def probe(self) -> None:
        """Raises Unavailable while usage cannot be stored."""
        if self._trouble:
            raise Unavailable("Usage is not being stored; the spool keeps it meanwhile.", detail=self._trouble)

    async def ship_all(self) -> None:
        """Ship all that waits now."""
        while await self._ship_some():
            pass

    async def finish(self, seconds: float) -> bool:
        """Ship the rest before the end, for at most so long. False when some must wait for the next start."""
        try:
            async with asyncio.timeout(seconds):
                await self.ship_all()
                await self._write_uses()
        except TimeoutError:
            _log.warning(
                "usage left in the spool", reason="the database did not answer in time; the next start stores it"
            )
            return False
        return True

    async def _ship_some(self) -> bool:
        """Whether more may wait: behind a batch that is not full there is only what came meanwhile, and it may gather."""
        may_wait = True
        if self._taken is None:
            position, events = self._spool.take_usage(BATCH)
            if not events:
                return False
            self._taken = position, events
            may_wait = len(events) == BATCH
        self._spool.reach("K7")
        await self._store_events(self._taken[1])
        self._spool.reach("K9")
        self._spool.confirm_usage(self._taken[0])
        self._taken = None
        return may_wait

    async def _store_events(self, events: list[tuple[object, ...]]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                done = await ingest(self._store, self._prices, events, before_commit=self._before_commit)
            except Unavailable as error:
                self._trouble = error.detail or error.message
                _log.warning("usage not stored, trying again", pause_seconds=pause, detail=self._trouble)
            except Exception as error:  # noqa: BLE001 - a bug here must not take the front door away
                self._trouble = f"{type(error).__name__}: {error}"
                _log.exception("usage not stored, trying again", pause_seconds=pause)
            else:
                self._trouble = ""
                for key_id, at in done.last_uses.items():
                    self._uses[key_id] = max(at, self._uses.get(key_id, at))
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _before_commit(self) -> None:
        self._spool.reach("K8")

    async def _write_uses(self) -> None:
        uses, self._uses = self._uses, {}
        self._uses_written = monotonic()
        if not uses:
            return
        try:
            await self._record_uses(uses)
        except Unavailable as error:
            # Only a remark beside each key is late; newer uses are newer news.
            self._uses = {**uses, **self._uses}
            _log.warning("last uses not written", detail=error.detail or error.message)


class ShipperThread:
    """A shipper in a thread and a loop of its own, at less weight than what serves requests."""

    def __init__(self, spool: Spool, parts: ShipperParts, recovered: Future[None] | None = None) -> None:
        self._parts = parts
        self._shipper = Shipper(spool, parts.usage, parts.catalog, parts.identity.record_uses, recovered)
        self._thread = LoopThread("shipper", self._serve, niceness=_NICENESS)
        self.probe = self._shipper.probe

    def start(self) -> Future[None]:
        """Begin to ship. What it gives is done when the shipper has ended, which it should not do by itself."""
        self._thread.start()
        return self._thread.ended

    def stop(self) -> None:
        """Ship the rest, and end."""
        self._thread.stop(_FINISH_SECONDS + 1)

    async def _serve(self, stopping: asyncio.Event) -> None:
        shipping = asyncio.create_task(self._shipper.run(), name="shipping")
        stopped = asyncio.create_task(stopping.wait(), name="stop")
        try:
            await asyncio.wait({shipping, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if shipping.done():
                await shipping
            shipping.cancel()
            await asyncio.gather(shipping, return_exceptions=True)
            await self._shipper.finish(_FINISH_SECONDS)
        finally:
            await self._parts.close()


async def _readable(descriptor: int, seconds: float) -> bool:
    """Wait until the descriptor is readable, and watch it no longer than that: it stays so until records are taken."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(seconds):
            return await readable.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
