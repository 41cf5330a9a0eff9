"""`PYTHONPATH=src:. python benchmarks/bus.py`: messages a second through a RabbitMQ of its own, by window and by prefetch.

The method: 6,000 messages of 600 bytes, one publisher, one consumer whose handler takes 20 ms a batch, as a commit does; the
median of three.
"""

from __future__ import annotations

import asyncio
import statistics
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

from tests.support.rabbitmq import RabbitServer

from headworks.kernel.bus import Batching, Group, Message, Topology
from headworks.kernel.bus.adapters.rabbitmq import publisher
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus, Waits

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 6_000
BATCH = 2_000
COMMIT_SECONDS = 0.02
WINDOWS = (1, 32, 128, 512, 2_000)
PREFETCHES = (2_000, 4_000, 8_000)
SMALL = ((100, 100), (100, 200), (500, 500), (500, 1_000))
TIMES = 3


def messages(count: int) -> list[Message]:
    """As usage events are, about."""
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return [Message(f"evt_{number}", "usage.recorded.v1", b"x" * 600, at) for number in range(count)]


async def publish(bus: RabbitBus, count: int) -> float:
    """Messages a second, each confirmed."""
    begun = perf_counter()
    await bus.publish(messages(count))
    return count / (perf_counter() - begun)


async def consume(bus: RabbitBus, batching: Batching) -> float:
    """Messages a second, each acknowledged."""
    await bus.publish(messages(COUNT))
    left, done = COUNT, asyncio.Event()

    async def handler(batch: Sequence[Message]) -> None:
        nonlocal left
        await asyncio.sleep(COMMIT_SECONDS)
        left -= len(batch)
        if left <= 0:
            done.set()

    begun = perf_counter()
    consumer = asyncio.create_task(bus.consume("usage", handler, batching))
    await done.wait()
    taken = perf_counter() - begun
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)
    return COUNT / taken


async def main(server: RabbitServer) -> None:
    """Print a line for each."""
    topology = Topology(groups=(Group("usage", ("usage.#",)),))
    bus = RabbitBus(server.address, topology, waits=Waits(publish_seconds=600))
    await bus.ping()
    for window in WINDOWS:
        publisher._WINDOW = window  # type: ignore[misc]  # noqa: SLF001 - what is measured
        speeds = [await publish(bus, 500 if window == 1 else COUNT // 4) for _ in range(TIMES)]
        print(f"window {window}: {statistics.median(speeds):,.0f} messages/s")
    publisher._WINDOW = 128  # type: ignore[misc]  # noqa: SLF001 - as above
    # Away with what was published.
    await consume(bus, Batching(BATCH))
    for batch, prefetch in (*((BATCH, prefetch) for prefetch in PREFETCHES), *SMALL):
        speeds = [await consume(bus, Batching(batch, prefetch=prefetch)) for _ in range(TIMES)]
        print(f"batch {batch}, prefetch {prefetch}: {statistics.median(speeds):,.0f} messages/s")
    await bus.close()


if __name__ == "__main__":
    with RabbitServer() as server:
        asyncio.run(main(server))
