"""A bus in a file. Several processes that want one need RabbitMQ: the file belongs to the process that has opened it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from headworks.kernel.bus.adapters.sqlite.store import Store
from headworks.kernel.bus.adapters.sqlite.tables import SCHEMA
from headworks.kernel.bus.consuming import Tally, consume_for_ever, pause_after
from headworks.kernel.bus.errors import BusFull, BusRefused
from headworks.kernel.bus.port import Batching, Standing
from headworks.kernel.bus.source import Asked, Delivery
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from pathlib import Path

    from headworks.kernel.bus.message import Level, Message
    from headworks.kernel.bus.port import DeadLetter, Handler
    from headworks.kernel.bus.topology import Policy, Topology

_REST: Final = 0.5
"""Seconds between looks at a queue that nothing came to: what expires and what was given back elsewhere shows then."""


class _Source(Asked):
    def __init__(self, store: Store, queue: str, policy: Policy, arrived: asyncio.Event, stranded: set[int]) -> None:
        """`stranded` are messages that nobody holds any more, and that the file could not be told of."""
        self._store = store
        self._queue = queue
        self._policy = policy
        self._arrived = arrived
        self._stranded = stranded
        self._mine: set[int] = set()

    async def ask(self, most: int) -> list[Delivery]:
        self._arrived.clear()
        taken = await self._store.take(self._queue, self._policy, most)
        self._mine.update(one.tag for one in taken)
        return taken

    async def rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(_REST if seconds is None else min(seconds, _REST)):
                await self._arrived.wait()
        except TimeoutError:
            return

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        await self._store.forget([one.tag for one in deliveries])
        self._mine.difference_update(one.tag for one in deliveries)

    async def give_back(self, delivery: Delivery) -> None:
        await self._store.give_back([delivery.tag], self._policy)
        self._mine.discard(delivery.tag)
        self._arrived.set()

    async def bury(self, delivery: Delivery) -> None:
        await self._store.bury(delivery.tag, "rejected")
        self._mine.discard(delivery.tag)

    async def close(self) -> None:
        """What it holds is anybody's again."""
        self._stranded |= self._mine
        with suppress(Unavailable):
            await self.rescue()

    async def rescue(self) -> None:
        """Give back what is stranded. Raises DatabaseUnavailable."""
        if self._stranded:
            await self._store.give_back(sorted(self._stranded), self._policy)
            self._stranded.clear()
            self._arrived.set()


class SqliteBus:
    """See `Bus`."""

    def __init__(
        self, database: Database, lock: int, topology: Topology, *, pause: Callable[[int], float] = pause_after
    ) -> None:
        """Use `open`. `lock` is a descriptor that is closed with it."""
        self._database = database
        self._lock = lock
        self._store = Store(database)
        self._topology = topology
        self._pause = pause
        self._arrived = {name: asyncio.Event() for name in topology.policies}
        self._tallies = {name: Tally() for name in topology.policies}
        self._stranded: dict[str, set[int]] = {name: set() for name in topology.policies}

    @classmethod
    async def open(cls, path: Path, topology: Topology, *, pause: Callable[[int], float] = pause_after) -> SqliteBus:
        """Raises BusRefused when another process has it, SchemaTooNew, SchemaUnreadable, DatabaseUnavailable."""
        lock = _locked(path)
        try:
            prepare_schema(path, SCHEMA)
            bus = cls(Database.sqlite(path), lock, topology, pause=pause)
            await bus._store.release_all()
        except BaseException:
            os.close(lock)
            raise
        return bus

    async def publish(self, events: Sequence[Message]) -> None:
        """See `Bus`; all or none."""
        heard = [(group.name, event) for event in events for group in self._topology.listeners(event.type)]
        await self._add([(name, "normal", event) for name, event in heard])

    async def submit(self, queue: str, tasks: Sequence[Message], level: Level = "normal") -> None:
        """See `Bus`; all or none."""
        self._topology.task_queue(queue)
        await self._add([(queue, level, task) for task in tasks])

    async def consume(self, name: str, handler: Handler, batching: Batching | None = None) -> None:
        """See `Bus`."""
        policy = self._topology.policy(name)

        @asynccontextmanager
        async def opened() -> AsyncIterator[_Source]:
            source = _Source(self._store, name, policy, self._arrived[name], self._stranded[name])
            try:
                await source.rescue()
                yield source
            finally:
                await source.close()

        await consume_for_ever(
            opened, handler, batching or Batching(), name=name, seen=self._tallies[name].seen, pause=self._pause
        )

    async def dead(self, name: str, limit: int = 100, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """See `Bus`."""
        return await self._store.dead(name, self._topology.policy(name), limit, ids)

    async def replay(self, name: str, ids: Collection[str] | None = None) -> int:
        """See `Bus`."""
        self._topology.policy(name)
        count = await self._store.replay(name, ids)
        self._arrived[name].set()
        return count

    async def discard(self, name: str, ids: Collection[str]) -> int:
        """See `Bus`."""
        self._topology.policy(name)
        return await self._store.discard(name, ids)

    async def standing(self) -> list[Standing]:
        """See `Bus`."""
        standings = []
        for name, policy in self._topology.policies.items():
            found = await self._store.measure(name, policy)
            seen = self._tallies[name].redelivered
            standings.append(Standing(name, found.waiting, found.dead, found.oldest_seconds, seen))
        return standings

    async def ping(self) -> None:
        """See `Bus`."""
        await self._database.ping()

    async def close(self) -> None:
        """See `Bus`."""
        await self._database.close()
        os.close(self._lock)

    async def _add(self, wanted: Sequence[tuple[str, Level, Message]]) -> None:
        if not wanted:
            return
        for name in sorted({name for name, _, _ in wanted}):
            policy = self._topology.policy(name)
            mine = [len(message.body) for queue, _, message in wanted if queue == name]
            held = await self._store.measure(name, policy)
            count = held.waiting + held.taken + len(mine)
            if count > policy.max_messages or held.bytes_alive + sum(mine) > policy.max_bytes:
                raise BusFull("The queue is full; try again later.", detail=name)
        await self._store.add(wanted)
        for name, _, _ in wanted:
            self._arrived[name].set()


def _locked(path: Path) -> int:
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise BusRefused(
            "Another process has the queue's file. Stop it, or give all of them RabbitMQ.", detail=str(path)
        ) from None
    return descriptor
