"""Dead letters on the broker. AMQP shows a message only to who takes it: what is looked at is taken, and given back at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiormq.exceptions import DeliveryError
from pamqp.commands import Basic

from headworks.kernel.bus.adapters.rabbitmq.layout import dead_queue
from headworks.kernel.bus.adapters.rabbitmq.link import speaking
from headworks.kernel.bus.adapters.rabbitmq.wire import letter_of, message_of, properties, source_of
from headworks.kernel.bus.errors import BusFull
from headworks.kernel.clock import unix_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from aiormq.abc import AbstractChannel, DeliveredMessage

    from headworks.kernel.bus.port import DeadLetter
    from headworks.kernel.bus.topology import Policy

_ALL: Final = 0
"""The delivery tag that stands for every delivery of the channel."""
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.05


async def letters(
    channel: AbstractChannel, name: str, policy: Policy, limit: int, ids: Collection[str] | None
) -> list[DeadLetter]:
    """The oldest, of all or of these. They are in their queue again when it returns. Raises LinkLost."""
    found: list[DeadLetter] = []
    with speaking():
        before = await _count(channel, name)
        async for delivered in _each(channel, name):
            letter = letter_of(delivered, name, policy)
            if letter is not None and (ids is None or letter.message.id in ids):
                found.append(letter)
            if len(found) == limit:
                break
        await _give_back(channel, name, before)
    return found


async def replay(channel: AbstractChannel, name: str, ids: Collection[str] | None) -> int:
    """Each goes back to where it died, and is dead no more once the broker has confirmed that. Raises LinkLost, BusFull."""
    count = 0
    with speaking():
        async for delivered in _each(channel, name):
            message = message_of(delivered)
            if message is None or delivered.delivery_tag is None or not (ids is None or message.id in ids):
                continue
            try:
                await channel.basic_publish(
                    message.body,
                    routing_key=source_of(delivered),
                    properties=properties(message, unix_ms()),
                    mandatory=True,
                )
            except DeliveryError as error:
                raise BusFull("The queue takes none of its dead letters back; try again later.", detail=name) from error
            await channel.basic_ack(delivered.delivery_tag)
            count += 1
            if ids is not None and count == len(set(ids)):
                break
    return count


async def discard(channel: AbstractChannel, name: str, ids: Collection[str]) -> int:
    """They are gone. Raises LinkLost."""
    count = 0
    with speaking():
        async for delivered in _each(channel, name):
            message = message_of(delivered)
            if message is not None and message.id in ids and delivered.delivery_tag is not None:
                await channel.basic_ack(delivered.delivery_tag)
                count += 1
    return count


async def _give_back(channel: AbstractChannel, name: str, before: int) -> None:
    """All that was taken. A quorum queue has it some time after it was told: who looks or replays next must find it there.

    It is waited for a second at most, since somebody else may have taken some.
    """
    await channel.basic_nack(_ALL, multiple=True, requeue=True)
    for _ in range(_LOOKS):
        if await _count(channel, name) >= before:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _count(channel: AbstractChannel, name: str) -> int:
    """How many nobody holds."""
    return (await channel.queue_declare(dead_queue(name), passive=True)).message_count or 0


async def _each(channel: AbstractChannel, name: str) -> AsyncIterator[DeliveredMessage]:
    """Those that were there when it began: what dies meanwhile, replayed ones included, is for the next time."""
    left = await _count(channel, name)
    while left > 0:
        delivered = await channel.basic_get(dead_queue(name))
        if isinstance(delivered.delivery, Basic.GetEmpty):
            return
        yield delivered
        left -= 1
