"""What gateways must ask for anew: counted, kept for a while, and told to whoever watches."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from headworks.dataplane.wire.control_pb2 import Everything, Missed, WatchResponse
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_KEPT: Final = 10_000
"""How many changes a gateway may have missed before it must ask for everything anew; some 100 bytes each."""


class Changes:
    """The port `Forgets`: the changes of one process. Any thread may tell one; each watcher belongs to its own loop."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._instance = new_id("ctl")
        self._lock = threading.Lock()
        self._revision = 0
        self._kept: deque[WatchResponse] = deque(maxlen=kept)
        self._watchers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def key(self, key_hash: str) -> None:
        """See the port."""
        self._tell(WatchResponse(key_hash=key_hash))

    def everything(self, *, access: bool) -> None:
        """See the port."""
        self._tell(WatchResponse(everything=Everything(access=access)))

    def budget(self, budget_id: str) -> None:
        """See the port."""
        self._tell(WatchResponse(budget_id=budget_id))

    @property
    def newest(self) -> int:
        """The revision of the last change; 0 before the first."""
        return self._revision

    async def since(self, instance: str, revision: int, beat_seconds: float) -> AsyncGenerator[WatchResponse]:
        """What happens after that revision, for ever; a beat at once, and whenever nothing happened for so long.

        Who was at a revision of another process, or missed more than is kept, is told so first.
        """
        woken = asyncio.Event()
        watcher = asyncio.get_running_loop(), woken
        with self._lock:
            self._watchers.add(watcher)
            at = self._revision
            oldest = self._kept[0].revision if self._kept else at + 1
        try:
            if instance == self._instance and oldest - 1 <= revision <= at:
                at = revision
                yield self._beat(at)
            else:
                yield self._missed(at)
            while True:
                woken.clear()
                for change in self._after(at):
                    at = change.revision
                    yield change
                try:
                    async with asyncio.timeout(beat_seconds):
                        await woken.wait()
                except TimeoutError:
                    yield self._beat(at)
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def _tell(self, change: WatchResponse) -> None:
        with self._lock:
            self._revision += 1
            change.instance, change.revision = self._instance, self._revision
            self._kept.append(change)
            watchers = list(self._watchers)
        for loop, woken in watchers:
            # A loop that is closing has no watcher left to tell.
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)

    def _after(self, revision: int) -> list[WatchResponse]:
        with self._lock:
            first = self._revision - len(self._kept)
            if revision < first:
                return [self._missed(self._revision)]
            return [self._kept[index] for index in range(revision - first, len(self._kept))]

    def _beat(self, revision: int) -> WatchResponse:
        return WatchResponse(instance=self._instance, revision=revision)

    def _missed(self, revision: int) -> WatchResponse:
        return WatchResponse(instance=self._instance, revision=revision, missed=Missed())
