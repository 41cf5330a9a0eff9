"""The shipper: moves usage from the engine's spool to where it is kept, and lets the spool forget what is kept there.

At least once, in order. Whatever keeps it from that, it tries again for ever, and the spool grows meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from headworks.bootstrap.loop_thread import LoopThread
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

_log = logger(__name__)

BATCH = 5_000
_LOOK_SECONDS = 1.0
"""How long a record may wait where the descriptor said nothing."""
_GATHER_SECONDS = 0.4
"""How long records are let gather once there are some: a commit, and the sums of a kind, cost the same for one as for a thousand."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts while the database does not answer."""
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


class Sink(Protocol):
    """Where events are kept: the usage database, or a queue that leads there."""

    async def take(self, events: Sequence[Sequence[object]], before_commit: Callable[[], None]) -> None:
        """When it returns, all of them are kept, whatever dies. Raises Unavailable: they come again.

        `before_commit` is called when only the last step is left to do.
        """

    async def between(self) -> None:
        """Now nothing waits."""

    async def finish(self) -> None:
        """Nothing more will come."""

    async def close(self) -> None:
        """Let go of what it holds."""


class Shipper:
    """One for each spool."""

    def __init__(self, spool: Spool, sink: Sink, recovered: Future[None] | None = None) -> None:
        """`recovered` is done when all that the spool held at the start is kept."""
        self._spool = spool
        self._sink = sink
        self._recovered = recovered
        self._taken: tuple[int, list[tuple[object, ...]]] | None = None
        """Taken and not yet confirmed. Kept over a cancellation: the spool gives nothing twice while it is open."""
        self._trouble = ""

    async def run(self) -> None:
        """Ship until cancelled."""
        await self.ship_all()
        if self._recovered is not None and not self._recovered.done():
            self._recovered.set_result(None)
        while True:
            if await _readable(self._spool.usage_fd(), _LOOK_SECONDS):
                await asyncio.sleep(_GATHER_SECONDS)
            await self.ship_all()
            await self._sink.between()

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
                await self._sink.finish()
        except TimeoutError:
            _log.warning("usage left in the spool", reason="it was not taken in time; the next start hands it over")
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
                await self._sink.take(events, self._before_commit)
            except Unavailable as error:
                self._trouble = error.detail or error.message
                _log.warning("usage not stored, trying again", pause_seconds=pause, detail=self._trouble)
            except Exception as error:  # noqa: BLE001 - a bug here must not take the front door away
                self._trouble = f"{type(error).__name__}: {error}"
                _log.exception("usage not stored, trying again", pause_seconds=pause)
            else:
                self._trouble = ""
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _before_commit(self) -> None:
        self._spool.reach("K8")


class ShipperThread:
    """A shipper in a thread and a loop of its own, at less weight than what serves requests."""

    def __init__(self, spool: Spool, sink: Sink, recovered: Future[None] | None = None) -> None:
        self._sink = sink
        self._shipper = Shipper(spool, sink, recovered)
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
            await self._sink.close()


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
