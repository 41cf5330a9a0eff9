"""A thread with an event loop of its own, for a part of the process that must not wait for the others."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class LoopThread:
    """Runs one coroutine from `start` to `stop`."""

    def __init__(
        self, name: str, serve: Callable[[asyncio.Event], Coroutine[None, None, None]], *, niceness: int = 0
    ) -> None:
        """`serve` gets the event that asks it to end. `niceness` lowers the thread's weight, where threads have one."""
        self._serve = serve
        self._niceness = niceness
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        # A daemon: a process that is told to end at once does not wait for it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.ended: Future[None] = Future()
        """Done when `serve` has returned, or raised."""

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ask `serve` to end, and wait for it, for at most so long."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(seconds)

    def _run(self) -> None:
        if self._niceness and sys.platform == "linux":  # elsewhere it would be the whole process's
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(self._stopping))
        except BaseException as error:  # noqa: BLE001 - whoever looks at `ended` raises it
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)
