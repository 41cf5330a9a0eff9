"""Publishing to one virtual host: in windows that are confirmed, until all is, or the deadline has come."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import DeliveryError, PublishError

from headworks.kernel.bus.adapters.rabbitmq.link import LOST, LinkLost, answer
from headworks.kernel.bus.adapters.rabbitmq.wire import properties
from headworks.kernel.bus.errors import BusFull, BusRefused, BusUnavailable
from headworks.kernel.clock import unix_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiormq.channel import Channel

    from headworks.kernel.bus.adapters.rabbitmq.link import Link
    from headworks.kernel.bus.message import Message

_WINDOW: Final = 128
"""Messages under way at once; with more nothing is gained (docs/decisions/0018)."""
_WINDOW_BYTES: Final = 8 * 1024 * 1024
"""The same by bodies: what a blocked connection can hold in memory."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message, and where it goes."""

    message: Message
    exchange: str
    key: str


class Publisher:
    """One batch at a time, so that memory is bounded; the others wait, within their own deadlines."""

    def __init__(self, link: Link, *, seconds: float, pause: Callable[[int], float]) -> None:
        self._link = link
        self._seconds = seconds
        self._pause = pause
        self._turn = asyncio.Lock()
        self._channel: Channel | None = None

    async def send(self, posts: Sequence[Post]) -> None:
        """Returns when the broker has confirmed each. Raises BusUnavailable, BusFull, BusRefused."""
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                try:
                    await self._send(list(posts))
                except BusFull:
                    # Every message of the window was answered.
                    raise
                except BaseException:
                    # Confirmations that come later would be taken for those of other messages; and unsent bytes are let go.
                    await self._forget()
                    raise
        except TimeoutError as error:
            raise BusUnavailable(
                "The message broker did not confirm in time; try again.", detail=f"after {self._seconds:g} s"
            ) from error

    async def close(self) -> None:
        """Say good-bye."""
        self._channel = None
        await self._link.close()

    async def _send(self, left: list[Post]) -> None:
        failures = 0
        while left:
            try:
                channel = await self._opened()
                left = await _confirmed(channel, left)
                failures = 0
            except (LinkLost, BusUnavailable):
                failures += 1
                await self._forget()
                await asyncio.sleep(self._pause(failures))

    async def _opened(self) -> Channel:
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._link.channel(confirms=True)
        return self._channel

    async def _forget(self) -> None:
        self._channel = None
        await self._link.drop()


async def _confirmed(channel: Channel, posts: list[Post]) -> list[Post]:
    """Send the first window; what is left to send. Raises LinkLost, BusFull, BusRefused."""
    count = size = 0
    for post in posts[:_WINDOW]:
        size += len(post.message.body)
        if count and size > _WINDOW_BYTES:
            break
        count += 1
    at = unix_ms()
    sending = [asyncio.ensure_future(_publish(channel, post, at)) for post in posts[:count]]
    try:
        with suppress(LinkLost):
            await answer(channel, asyncio.wait(sending))
    finally:
        for one in sending:
            # Whoever was told nothing is as good as lost.
            one.cancel()
        answers = await asyncio.gather(*sending, return_exceptions=True)
    unconfirmed = [post for post, said in zip(posts[:count], answers, strict=True) if said is not None]
    for said in answers:
        if isinstance(said, PublishError):
            raise BusRefused("RabbitMQ has lost a queue of ours; it is made anew when we connect again.")
        if isinstance(said, DeliveryError):
            raise BusFull("The queue is full; try again later.", detail="RabbitMQ refused a message")
    failed = next((said for said in answers if said is not None), None)
    if failed is None:
        return posts[count:]
    if not isinstance(failed, (*LOST, asyncio.CancelledError)):
        raise failed
    # What was confirmed is not sent again.
    posts[:count] = unconfirmed
    raise LinkLost(f"{type(failed).__name__}: {failed}") from failed


async def _publish(channel: Channel, post: Post, published_ms: int) -> None:
    await channel.basic_publish(
        post.message.body,
        exchange=post.exchange,
        routing_key=post.key,
        properties=properties(post.message, published_ms),
        mandatory=True,
        wait=False,
    )
