"""What every process that serves does the same way: its limits, its data folder, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headworks.bootstrap.environment import set_up_libraries
from headworks.bootstrap.home import Home, HomeError
from headworks.dataplane.engine import EngineError
from headworks.kernel.errors import HeadworksError
from headworks.kernel.telemetry import configure_logs, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine

_log = logger(__name__)

_SWITCH_SECONDS = 0.0005
"""How long a thread keeps the interpreter while another wants it: the most that an answer waits for other Python."""
_YOUNG_OBJECTS = 25_000
"""When the garbage collector looks at new objects. A batch of usage records has more than its usual 700, and none in a cycle."""
_DESCRIPTORS = 65_536
_FAILED = 1
_CUT = 130


def run(settings: Settings, begin: Callable[[Home], Coroutine[None, None, int]]) -> int:
    """Serve from the data folder until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error.

    `begin` prepares what must be there, and gives what serves.
    """
    configure_logs(settings.log_level)
    _prepare_process()
    try:
        home = Home(settings.home)
        home.prepare()
        with home.lock():
            return asyncio.run(begin(home))
    except (HomeError, EngineError, HeadworksError, OSError, ValueError) as error:
        sys.stderr.write(f"headworks: {error}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _CUT


def spare_collector() -> None:
    """What is there now stays: the collector need not walk through it while somebody waits for an answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _prepare_process() -> None:
    set_up_libraries()
    os.umask(0o077)
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Each open stream takes two descriptors, and the usual limit is 1024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else most
    with suppress(ValueError, OSError):  # macOS has a second limit, which it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


async def drain(engine: Engine, seconds: float) -> None:
    """Close the front door, and let open requests finish, for at most so long."""
    _log.info("stopping", drain_seconds=seconds)
    if not await asyncio.to_thread(engine.drain, seconds):
        _log.warning("open requests were cut", drain_seconds=seconds)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel it, and wait until what it was doing to a database is undone."""
    task.cancel()
    await asyncio.wait([task])


class Stop:
    """Hears SIGINT and SIGTERM: the first asks to stop, the second ends the process on the spot."""

    def __init__(self) -> None:
        self.status = 0
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._hear)

    async def wait(self, *parts: asyncio.Future[None]) -> None:
        """Until somebody asks, or one of the parts ends, which none of them should."""
        asked = asyncio.create_task(self._asked.wait(), name="stop")
        everything: list[asyncio.Future[Any]] = [asked, *parts]
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for part in parts:
            if part.done():
                self.status = _FAILED
                _log.error("a part of the server ended", exc_info=part.exception())

    def _hear(self) -> None:
        if self._asked.is_set():
            # Nothing is lost: what was open is settled at the next start, as after any other sudden end.
            os._exit(_CUT)
        self._asked.set()
