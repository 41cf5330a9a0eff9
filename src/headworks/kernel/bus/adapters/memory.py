"""The twin in memory: a bus that ends with its process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.kernel.bus.consuming import Tally, consume_for_ever, pause_after
from headworks.kernel.bus.errors import BusFull
from headworks.kernel.bus.message import LEVELS
from headworks.kernel.bus.port import Batching, DeadLetter, Standing
from headworks.kernel.bus.source import Asked, Delivery
from headworks.kernel.clock import monotonic, now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from datetime import datetime

    from headworks.kernel.bus.message import Level, Message
    from headworks.kernel.bus.port import Handler, Reason
    from headworks.kernel.bus.topology import Policy, Topology


@dataclass
class _Held:
    """A message in a queue."""

    message: Message
    level: Level
    since: float
    delivered: int = 0
    reason: Reason | None = None
    died_at: datetime | None = None


@dataclass
class _Queue:
    """Waiting, taken and dead messages by their number, which rises."""

    policy: Policy
    waiting: dict[int, _Held] = field(default_factory=dict)
    taken: dict[int, _Held] = field(default_factory=dict)
    dead: dict[int, _Held] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    tally: Tally = field(default_factory=Tally)
    last: int = 0

    def has_room(self, messages: Sequence[Message]) -> bool:
        """By its policy."""
        held = [*self.waiting.values(), *self.taken.values()]
        size = sum(len(one.message.body) for one in held) + sum(len(one.body) for one in messages)
        return len(held) + len(messages) <= self.policy.max_messages and size <= self.policy.max_bytes

    def add(self, held: _Held) -> None:
        """Behind all others."""
        self.last += 1
        self.waiting[self.last] = held
        self.arrived.set()

    def bury(self, number: int, held: _Held, reason: Reason) -> None:
        """It is dead."""
        held.reason, held.died_at = reason, now()
        self.dead[number] = held

    def expire(self) -> None:
        """Bury what waited too long."""
        limit = self.policy.seconds_to_live
        if limit is None:
            return
        for number, held in list(self.waiting.items()):
            if monotonic() - held.since > limit:
                self.bury(number, self.waiting.pop(number), "expired")


class _Source(Asked):
    def __init__(self, queue: _Queue) -> None:
        self._queue = queue
        self._mine: set[int] = set()

    async def ask(self, most: int) -> list[Delivery]:
        queue = self._queue
        queue.expire()
        queue.arrived.clear()
        ordered = sorted(queue.waiting, key=lambda number: (LEVELS.index(queue.waiting[number].level), number))[:most]
        for number in ordered:
            held = queue.taken[number] = queue.waiting.pop(number)
            held.delivered += 1
            self._mine.add(number)
        return [Delivery(queue.taken[number].message, queue.taken[number].delivered, number) for number in ordered]

    async def rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._queue.arrived.wait()
        except TimeoutError:
            return

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        for one in deliveries:
            self._release(one.tag)

    async def give_back(self, delivery: Delivery) -> None:
        held = self._release(delivery.tag)
        if held.delivered >= self._queue.policy.delivery_limit:
            self._queue.bury(delivery.tag, held, "delivery_limit")
        else:
            self._queue.waiting[delivery.tag] = held
            self._queue.arrived.set()

    async def bury(self, delivery: Delivery) -> None:
        self._queue.bury(delivery.tag, self._release(delivery.tag), "rejected")

    async def close(self) -> None:
        """What it holds is anybody's again."""
        for number in sorted(self._mine):
            held = self._queue.taken[number]
            await self.give_back(Delivery(held.message, held.delivered, number))

    def _release(self, number: int) -> _Held:
        self._mine.discard(number)
        return self._queue.taken.pop(number)


class MemoryBus:
    """See `Bus`."""

    def __init__(self, topology: Topology, *, pause: Callable[[int], float] = pause_after) -> None:
        self._topology = topology
        self._pause = pause
        self._queues = {name: _Queue(policy) for name, policy in topology.policies.items()}

    async def publish(self, events: Sequence[Message]) -> None:
        """See `Bus`."""
        wanted: dict[str, list[Message]] = {}
        for event in events:
            for group in self._topology.listeners(event.type):
                wanted.setdefault(group.name, []).append(event)
        self._put({(name, "normal"): messages for name, messages in wanted.items()})

    async def submit(self, queue: str, tasks: Sequence[Message], level: Level = "normal") -> None:
        """See `Bus`."""
        self._topology.task_queue(queue)
        self._put({(queue, level): tasks})

    async def consume(self, name: str, handler: Handler, batching: Batching | None = None) -> None:
        """See `Bus`."""
        self._topology.policy(name)
        queue = self._queues[name]

        @asynccontextmanager
        async def opened() -> AsyncIterator[_Source]:
            source = _Source(queue)
            try:
                yield source
            finally:
                await source.close()

        await consume_for_ever(
            opened, handler, batching or Batching(), name=name, seen=queue.tally.seen, pause=self._pause
        )

    async def dead(self, name: str, limit: int = 100, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """See `Bus`."""
        self._topology.policy(name)
        queue = self._queues[name]
        queue.expire()
        letters = [
            DeadLetter(held.message, name, held.level, held.reason, held.delivered, held.died_at)
            for held in queue.dead.values()
            if held.reason and (ids is None or held.message.id in ids)
        ]
        return letters[:limit]

    async def replay(self, name: str, ids: Collection[str] | None = None) -> int:
        """See `Bus`."""
        buried = self._exhume(name, ids)
        for held in buried:
            self._queues[name].add(_Held(held.message, held.level, monotonic()))
        return len(buried)

    async def discard(self, name: str, ids: Collection[str]) -> int:
        """See `Bus`."""
        return len(self._exhume(name, ids))

    async def standing(self) -> list[Standing]:
        """See `Bus`."""
        standings = []
        for name, queue in self._queues.items():
            queue.expire()
            oldest = min((held.since for held in (*queue.waiting.values(), *queue.taken.values())), default=None)
            age = 0.0 if oldest is None else monotonic() - oldest
            standings.append(Standing(name, len(queue.waiting), len(queue.dead), age, queue.tally.redelivered))
        return standings

    async def ping(self) -> None:
        """Nothing can be away."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def _put(self, wanted: dict[tuple[str, Level], Sequence[Message]]) -> None:
        for (name, _), messages in wanted.items():
            self._queues[name].expire()
            if not self._queues[name].has_room(messages):
                raise BusFull("The queue is full; try again later.", detail=name)
        for (name, level), messages in wanted.items():
            for message in messages:
                self._queues[name].add(_Held(message, level, monotonic()))

    def _exhume(self, name: str, ids: Collection[str] | None) -> list[_Held]:
        self._topology.policy(name)
        dead = self._queues[name].dead
        found = [number for number, held in dead.items() if ids is None or held.message.id in ids]
        return [dead.pop(number) for number in found]
