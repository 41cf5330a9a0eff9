"""Where consumers take from: events are pushed to them, tasks are asked for.

A worker may be busy for minutes with one task. What was pushed to it meanwhile would wait for it while others idle, and nothing
urgent could overtake: so it asks, the most urgent level first, whenever it is free.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pamqp.commands import Basic

from headworks.kernel.bus.adapters.rabbitmq.link import LinkLost, answer
from headworks.kernel.bus.adapters.rabbitmq.wire import message_of, number_of, published_ms_of
from headworks.kernel.bus.source import Asked, Delivery, SourceLost
from headworks.kernel.clock import monotonic, unix_ms
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiormq.abc import AbstractChannel, DeliveredMessage

_log = logger(__name__)

_LOOK: Final = 0.2
"""Seconds between looks at empty task queues, give or take a quarter."""


@contextmanager
def _losing() -> Iterator[None]:
    """Says it in the words of a source."""
    try:
        yield
    except LinkLost as error:
        raise SourceLost(str(error)) from error


class _OnChannel:
    """Acknowledging, and what is held."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self.held: dict[int, int | None] = {}
        """Delivery tags that are not acknowledged, and when each message was published, in milliseconds since 1970."""

    @property
    def oldest_seconds(self) -> float:
        """Of what is held."""
        known = [ms for ms in self.held.values() if ms is not None]
        return max(0.0, (unix_ms() - min(known)) / 1000) if known else 0.0

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """See `Source`. One acknowledgement for all that come before everything else that is held."""
        tags = {one.tag for one in deliveries}
        others = min((tag for tag in self.held if tag not in tags), default=None)
        together = max((tag for tag in tags if others is None or tag < others), default=None)
        with _losing():
            if together is not None:
                await answer(self._channel, self._channel.basic_ack(together, multiple=True))
            for tag in sorted(tags):
                if together is None or tag > together:
                    await answer(self._channel, self._channel.basic_ack(tag, wait=False))
        for tag in tags:
            self.held.pop(tag, None)

    async def give_back(self, delivery: Delivery) -> None:
        """See `Source`."""
        await self._return(delivery.tag, requeue=True)

    async def bury(self, delivery: Delivery) -> None:
        """See `Source`."""
        await self._return(delivery.tag, requeue=False)

    async def accept(self, delivered: DeliveredMessage) -> Delivery | None:
        """None for what is no message of ours: it is a dead letter at once."""
        tag = delivered.delivery_tag
        if tag is None:
            return None
        self.held[tag] = published_ms_of(delivered)
        message = message_of(delivered)
        if message is None:
            _log.error("message is none of ours", queue=delivered.routing_key)
            await self._return(tag, requeue=False)
            return None
        return Delivery(message, number_of(delivered), tag)

    async def _return(self, tag: int, *, requeue: bool) -> None:
        with _losing():
            await answer(self._channel, self._channel.basic_nack(tag, requeue=requeue))
        self.held.pop(tag, None)


class Pushed(_OnChannel):
    """Deliveries of a group's queue, up to the prefetch ahead."""

    def __init__(self, channel: AbstractChannel) -> None:
        super().__init__(channel)
        self._ready: list[DeliveredMessage] = []
        self._changed = asyncio.Event()
        self._cancelled = False

    async def start(self, queue: str, prefetch: int) -> None:
        """Raises SourceLost."""
        self._channel.closing.add_done_callback(lambda _: self._changed.set())
        self._channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        with _losing():
            await answer(self._channel, self._channel.basic_qos(prefetch_count=prefetch))
            await answer(self._channel, self._channel.basic_consume(queue, self._on_message))

    async def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """See `Source`."""
        taken: list[Delivery] = []
        while not taken:
            await self._wait(None)
            taken += await self._accepted(most)
        until = monotonic() + wait_seconds
        while len(taken) < most and (left := until - monotonic()) > 0:
            await self._wait(left)
            taken += await self._accepted(most - len(taken))
        return taken

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self._ready:
                    if self._channel.is_closed or self._cancelled:
                        raise SourceLost("the connection was closed, or the queue is gone")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    async def _accepted(self, most: int) -> list[Delivery]:
        ready, self._ready = self._ready[:most], self._ready[most:]
        found = [await self.accept(one) for one in ready]
        return [one for one in found if one is not None]

    async def _on_message(self, delivered: DeliveredMessage) -> None:
        self._ready.append(delivered)
        self._changed.set()

    def _on_cancel(self, _frame: Basic.Cancel) -> None:
        self._cancelled = True
        self._changed.set()


class Fetched(_OnChannel, Asked):
    """Tasks of several queues of the broker, the most urgent first."""

    def __init__(self, channel: AbstractChannel, queues: Sequence[str]) -> None:
        super().__init__(channel)
        self._queues = queues

    async def ask(self, most: int) -> list[Delivery]:
        """See `Asked`."""
        taken: list[Delivery] = []
        for queue in self._queues:
            while len(taken) < most:
                with _losing():
                    found = await answer(self._channel, self._channel.basic_get(queue))
                if isinstance(found.delivery, Basic.GetEmpty):
                    break
                delivery = await self.accept(found)
                if delivery is not None:
                    taken.append(delivery)
        return taken

    async def rest(self, seconds: float | None) -> None:
        """See `Asked`."""
        pause = _LOOK * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        await asyncio.sleep(pause if seconds is None else min(seconds, pause))
