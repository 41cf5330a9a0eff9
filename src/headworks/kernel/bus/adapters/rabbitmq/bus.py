"""A bus for many processes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.bus.adapters.rabbitmq import dead
from headworks.kernel.bus.adapters.rabbitmq.layout import (
    EVENTS,
    dead_queue,
    declaring_events,
    declaring_tasks,
    level_queue,
    queues_of,
)
from headworks.kernel.bus.adapters.rabbitmq.link import Link, LinkLost, speaking
from headworks.kernel.bus.adapters.rabbitmq.publisher import Post, Publisher
from headworks.kernel.bus.adapters.rabbitmq.sources import Fetched, Pushed
from headworks.kernel.bus.consuming import Tally, consume_for_ever, pause_after
from headworks.kernel.bus.errors import BusUnavailable
from headworks.kernel.bus.port import Batching, Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from aiormq.abc import AbstractChannel

    from headworks.kernel.bus.adapters.rabbitmq.address import Address, Side
    from headworks.kernel.bus.message import Level, Message
    from headworks.kernel.bus.port import DeadLetter, Handler
    from headworks.kernel.bus.topology import Topology


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited for the broker."""

    connect_seconds: float = 5.0
    """For a connection, with all that is declared on it."""
    publish_seconds: float = 10.0
    """For everything that one call publishes, connecting included."""
    ask_seconds: float = 60.0
    """For dead letters to be looked at or replayed, and for figures."""


class RabbitBus:
    """See `Bus`. Connects when it must.

    Publishing has connections of its own: a broker that is short of memory or disk stops reading from those, and consumers go on.
    """

    def __init__(
        self,
        address: Address,
        topology: Topology,
        *,
        waits: Waits | None = None,
        pause: Callable[[int], float] = pause_after,
    ) -> None:
        self._address = address
        self._topology = topology
        self._waits = waits or Waits()
        self._pause = pause
        self._declare = {"events": declaring_events(topology), "tasks": declaring_tasks(topology)}
        self._publishers = {
            side: Publisher(self._link(side, "publishing"), seconds=self._waits.publish_seconds, pause=pause)
            for side in _SIDES
        }
        self._tallies = {name: Tally() for name in topology.policies}
        self._sources: dict[str, list[Pushed | Fetched]] = {name: [] for name in topology.policies}

    async def publish(self, events: Sequence[Message]) -> None:
        """See `Bus`."""
        heard = [event for event in events if self._topology.listeners(event.type)]
        if heard:
            await self._publishers["events"].send([Post(event, EVENTS, event.type) for event in heard])

    async def submit(self, queue: str, tasks: Sequence[Message], level: Level = "normal") -> None:
        """See `Bus`."""
        self._topology.task_queue(queue)
        if tasks:
            await self._publishers["tasks"].send([Post(task, "", level_queue(queue, level)) for task in tasks])

    async def consume(self, name: str, handler: Handler, batching: Batching | None = None) -> None:
        """See `Bus`. A connection for each call."""
        self._topology.policy(name)
        chosen = batching or Batching()
        await consume_for_ever(
            lambda: self._source(name, chosen.held),
            handler,
            chosen,
            name=name,
            seen=self._tallies[name].seen,
            pause=self._pause,
        )

    async def dead(self, name: str, limit: int = 100, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """See `Bus`."""
        policy = self._topology.policy(name)
        async with self._asking(name) as channel:
            return await dead.letters(channel, name, policy, limit, ids)

    async def replay(self, name: str, ids: Collection[str] | None = None) -> int:
        """See `Bus`."""
        async with self._asking(name) as channel:
            return await dead.replay(channel, name, ids)

    async def discard(self, name: str, ids: Collection[str]) -> int:
        """See `Bus`."""
        async with self._asking(name) as channel:
            return await dead.discard(channel, name, ids)

    async def standing(self) -> list[Standing]:
        """See `Bus`."""
        standings = []
        for names in ([one.name for one in self._topology.groups], [one.name for one in self._topology.queues]):
            if names:
                async with self._asking(names[0]) as channel:
                    standings += [await self._standing(channel, name) for name in names]
        return standings

    async def ping(self) -> None:
        """See `Bus`."""
        for side in _SIDES:
            await self._reach(side)

    async def close(self) -> None:
        """See `Bus`. Whoever consumes must have been cancelled."""
        await asyncio.gather(*(publisher.close() for publisher in self._publishers.values()))

    def _link(self, side: Side, purpose: str) -> Link:
        return Link(
            self._address, side, self._declare[side], connect_seconds=self._waits.connect_seconds, purpose=purpose
        )

    def _side(self, name: str) -> Side:
        return "tasks" if self._topology.is_queue(name) else "events"

    @asynccontextmanager
    async def _source(self, name: str, prefetch: int) -> AsyncIterator[Pushed | Fetched]:
        link = self._link(self._side(name), f"consuming {name}")
        source: Pushed | Fetched | None = None
        try:
            channel = await link.channel()
            if self._topology.is_queue(name):
                source = Fetched(channel, queues_of(self._topology, name))
            else:
                source = Pushed(channel)
                await source.start(name, prefetch)
            self._sources[name].append(source)
            yield source
        finally:
            if source in self._sources[name]:
                self._sources[name].remove(source)
            await link.close()

    @asynccontextmanager
    async def _asking(self, name: str) -> AsyncIterator[AbstractChannel]:
        """A connection for a question: rare, and never in the way of what else goes on. Raises BusUnavailable, BusRefused."""
        self._topology.policy(name)
        link = self._link(self._side(name), "asking")
        try:
            async with asyncio.timeout(self._waits.ask_seconds):
                yield await link.channel(confirms=True)
        except (LinkLost, TimeoutError) as error:
            raise BusUnavailable("The message broker did not answer; try again.", detail=str(error)) from error
        finally:
            await link.close()

    async def _reach(self, side: Side) -> None:
        link = self._link(side, "asking")
        try:
            await link.channel()
        finally:
            await link.close()

    async def _standing(self, channel: AbstractChannel, name: str) -> Standing:
        with speaking():
            counts = {
                queue: (await channel.queue_declare(queue, passive=True)).message_count or 0
                for queue in (*queues_of(self._topology, name), dead_queue(name))
            }
        dead_count = counts.pop(dead_queue(name))
        mine = self._sources[name]
        oldest = max((source.oldest_seconds for source in mine), default=None)
        return Standing(name, sum(counts.values()), dead_count, oldest, self._tallies[name].redelivered)


_SIDES: tuple[Side, ...] = ("events", "tasks")
