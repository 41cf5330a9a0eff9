"""Dead letters on the broker. AMQP shows a message only to who takes it: what is looked at is taken, and given back at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


async def letters(
    channel: AbstractChannel, name: str, policy: Policy, limit: int, ids: Collection[str] | None
) -> list[DeadLetter]:
    """The oldest, of all or of these. Closing the channel gives them back. Raises LinkLost."""
    found: list[DeadLetter] = []
    with speaking():
        async for delivered in _each(channel, name):
            letter = letter_of(delivered, name, policy)
            if letter is not None and (ids is None or letter.message.id in ids):
                found.append(letter)
            if len(found) == limit:
                break
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


async def _each(channel: AbstractChannel, name: str) -> AsyncIterator[DeliveredMessage]:
    """Those that were there when it began: what dies meanwhile, replayed ones included, is for the next time."""
    queue = dead_queue(name)
    left = (await channel.queue_declare(queue, passive=True)).message_count or 0
    while left > 0:
        delivered = await channel.basic_get(queue)
        if isinstance(delivered.delivery, Basic.GetEmpty):
            return
        yield delivered
        left -= 1
