from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from headworks.bootstrap.loop_thread import LoopThread


class Served:
    """What a thread did."""

    def __init__(self) -> None:
        self.niceness = -1
        self.ended = False

    async def serve(self, stopping: asyncio.Event) -> None:
        if sys.platform == "linux":
            self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        await stopping.wait()
        self.ended = True


def test_it_serves_until_it_is_told_to_stop() -> None:
    served = Served()
    thread = LoopThread("part", served.serve)
    thread.start()
    assert thread.is_running
    thread.stop(10)
    thread.stop(10)
    assert served.ended
    assert not thread.is_running
    assert thread.ended.result(10) is None


async def test_a_part_that_fails_says_so() -> None:
    async def fail(_stopping: asyncio.Event) -> None:
        raise ZeroDivisionError

    thread = LoopThread("part", fail)
    thread.start()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(asyncio.wrap_future(thread.ended), 10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread a weight of its own")
def test_it_can_weigh_less_than_the_rest_of_the_process() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    served = Served()
    thread = LoopThread("part", served.serve, niceness=10)
    thread.start()
    thread.stop(10)
    assert served.niceness == min(19, max(10, ours))
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours
