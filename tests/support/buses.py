"""Buses of every kind for tests, and handlers that note what they got."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from headworks.kernel.bus import Batching, Bus, Group, Message, Policy, TaskQueue, Topology
from headworks.kernel.bus.adapters.memory import MemoryBus
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus, Waits
from headworks.kernel.bus.adapters.rabbitmq.layout import EVENTS
from headworks.kernel.bus.adapters.rabbitmq.link import Link
from headworks.kernel.bus.adapters.sqlite import SqliteBus
from tests.support.child import Failure
from tests.support.rabbitmq import RabbitServer
from tests.support.servers.missing import Missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from headworks.kernel.bus.adapters.rabbitmq.address import Address

KINDS: Final = ["memory", "sqlite", "rabbitmq"]
NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
PATIENT: Final = Waits(connect_seconds=20, publish_seconds=30)
"""A test machine may be busy."""
ONE: Final = Batching(messages=1)


def soon(_failures: int) -> float:
    """Pauses for tests."""
    return 0.02


def event(name: str, body: bytes = b"{}", kind: str = "usage.recorded.v1") -> Message:
    """An event with that id."""
    return Message(name, kind, body, NOON, subject="sub_1", organization_id="org_1")


def events(count: int, prefix: str = "evt") -> list[Message]:
    """With ids that sort as they are."""
    return [event(f"{prefix}_{number:05}") for number in range(count)]


def ids(messages: Iterable[Message]) -> list[str]:
    """Of each."""
    return [one.id for one in messages]


async def until(holds: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 60) -> None:
    """Wait for a condition. Raises Failure naming it."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = holds()
                if found is True or (not isinstance(found, bool) and await found):
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        message = f"{what}: not within {seconds:g} s"
        raise Failure(message) from None


@dataclass
class Heard:
    """A handler that takes everything, and notes it."""

    batches: list[list[Message]] = field(default_factory=list)

    async def __call__(self, batch: Sequence[Message]) -> None:
        self.batches.append(list(batch))

    @property
    def messages(self) -> list[Message]:
        """All, in the order in which they came."""
        return [message for batch in self.batches for message in batch]


@asynccontextmanager
async def consuming(
    bus: Bus, name: str, handler: Callable[[Sequence[Message]], Awaitable[None]], batching: Batching | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """Within the block."""
    task = asyncio.create_task(bus.consume(name, handler, batching))
    try:
        yield task
        if task.done():
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Buses:
    """Of one kind, for one test: whatever is opened sees the same queues."""

    kind: str
    folder: Path
    rabbit: Callable[[], RabbitServer]
    mark: str
    """In front of each queue's name, so that tests share a broker and do not meet."""
    _opened: list[Bus] = field(default_factory=list)
    _made: list[Topology] = field(default_factory=list)

    def topology(self, **policy: float | None) -> Topology:
        """Two groups that hear usage, one that hears all of catalog, and a task queue."""
        same = Policy(**policy)  # type: ignore[arg-type]
        groups = (
            Group(self.name("ledger"), ("usage.recorded.v1",), same),
            Group(self.name("search"), ("usage.recorded.v1", "catalog.#"), same),
        )
        return Topology(groups, (TaskQueue(self.name("reports"), same),))

    def name(self, name: str) -> str:
        """As the test calls it, and as it is on the bus."""
        return f"{self.mark}-{name}"

    async def open(self, topology: Topology | None = None, pause: Callable[[int], float] = soon) -> Bus:
        """As one process would. Skips the test, saying why, where the server is not installed."""
        chosen = topology or self.topology()
        self._made.append(chosen)
        bus: Bus
        if self.kind == "memory":
            bus = MemoryBus(chosen, pause=pause)
        elif self.kind == "sqlite":
            bus = await SqliteBus.open(self.folder / "bus.sqlite3", chosen, pause=pause)
        else:
            bus = RabbitBus(self.server().address, chosen, waits=PATIENT, pause=pause)
        self._opened.append(bus)
        return bus

    async def reopen(self, bus: Bus) -> Bus:
        """As after a restart."""
        await bus.close()
        self._opened.remove(bus)
        return await self.open(self._made[-1])

    def server(self) -> RabbitServer:
        """The broker."""
        try:
            return self.rabbit()
        except Missing as missing:
            pytest.skip(str(missing))

    async def close(self) -> None:
        """Nothing reaches its queues any more."""
        for bus in self._opened:
            await bus.close()
        if self.kind == "rabbitmq":
            for topology in self._made:
                await unbind(self.server().address, topology)


async def unbind(address: Address, topology: Topology) -> None:
    """Nothing that is published reaches the topology's groups any more. Their queues stay until the broker goes.

    Deleting a queue whose worker for dead letters is just starting ends that part of RabbitMQ 3.10 (`rabbit_fifo_dlx_sup` reaches its
    restart intensity), and after that the node closes connections with an internal error, and refuses messages, until it is restarted.
    """

    async def nothing(_channel: object) -> None:
        """Declares nothing."""

    link = Link(address, "events", nothing, connect_seconds=20, purpose="unbinding")
    channel = await link.channel()
    for group in topology.groups:
        for topic in group.topics:
            await channel.queue_unbind(group.name, EVENTS, routing_key=topic)
    await link.close()
