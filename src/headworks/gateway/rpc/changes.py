"""What gateways must ask for anew: counted, kept for a while, and told to whoever watches."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headworks.dataplane.wire.control_pb2 import Everything, Missed, WatchResponse
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

_KEPT: Final = 10_000
"""How many changes a gateway may have missed before it must ask for everything anew; some 100 bytes each."""


@dataclass(eq=False, slots=True)
class _Watcher:
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event
    recalled: set[bytes] = field(default_factory=set)
    """What others need, since it was told last: responses, serialised."""

    def wake(self) -> None:
        # A loop that is closing has no watcher left to tell.
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.woken.set)


class Changes:
    """The ports `Forgets` and `Recalls`: the changes of one process. Any thread may tell one; each watcher belongs to its own loop."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._instance = new_id("ctl")
        self._lock = threading.Lock()
        self._revision = 0
        self._kept: deque[WatchResponse] = deque(maxlen=kept)
        self._watchers: set[_Watcher] = set()

    def key(self, key_hash: str) -> None:
        """See the port."""
        self._tell(WatchResponse(key_hash=key_hash))

    def everything(self, *, access: bool) -> None:
        """See the port."""
        self._tell(WatchResponse(everything=Everything(access=access)))

    def missed(self) -> None:
        """See the port."""
        self._tell(WatchResponse(missed=Missed()))

    def budget(self, budget_id: str) -> None:
        """See the port."""
        self._tell(WatchResponse(budget_id=budget_id))

    def lease(self, budget_id: str) -> None:
        """See the port `Recalls`."""
        self._recall(WatchResponse(wanted_budget_id=budget_id))

    def share(self, limit_id: str) -> None:
        """See the port `Recalls`."""
        self._recall(WatchResponse(limit_id=limit_id))

    def _recall(self, wanted: WatchResponse) -> None:
        """It is no change: who does not watch now has nothing to spare when it comes back."""
        with self._lock:
            watchers = list(self._watchers)
            for watcher in watchers:
                watcher.recalled.add(wanted.SerializeToString(deterministic=True))
        for watcher in watchers:
            watcher.wake()

    @property
    def instance(self) -> str:
        """Who counts: this process, anew at each start."""
        return self._instance

    @property
    def newest(self) -> int:
        """The revision of the last change; 0 before the first."""
        return self._revision

    def wake(self) -> None:
        """A beat to whoever watches, now."""
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher.wake()

    async def since(
        self, instance: str, revision: int, beat_seconds: float, over: Callable[[], bool] = bool
    ) -> AsyncGenerator[WatchResponse]:
        """What happens after that revision, until `over`; a beat at once, and whenever nothing happened for so long.

        Who was at a revision of another process, or missed more than is kept, is told so first.
        """
        watcher = _Watcher(asyncio.get_running_loop(), asyncio.Event())
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
            while not over():
                for change in self._after(at):
                    at = change.revision
                    yield change
                for wanted in self._recalled(watcher):
                    wanted.instance, wanted.revision = self._instance, at
                    yield wanted
                with suppress(TimeoutError):
                    async with asyncio.timeout(beat_seconds):
                        await watcher.woken.wait()
                watcher.woken.clear()
                if not self._after(at) and not watcher.recalled:
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
        for watcher in watchers:
            watcher.wake()

    def _recalled(self, watcher: _Watcher) -> list[WatchResponse]:
        with self._lock:
            recalled = [WatchResponse.FromString(one) for one in sorted(watcher.recalled)]
            watcher.recalled.clear()
        return recalled

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
