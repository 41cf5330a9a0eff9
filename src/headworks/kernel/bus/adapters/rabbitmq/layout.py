"""What is declared on the broker: the same by every process, each time that it connects.

Events: a topic exchange, and a quorum queue for each group. Tasks: a quorum queue for each level of each task queue, since quorum
queues know no priorities before RabbitMQ 4. Each has a queue for its dead letters, which is filled at least once
(https://www.rabbitmq.com/blog/2022/03/29/at-least-once-dead-lettering: that takes `reject-publish`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headworks.kernel.bus.message import LEVELS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiormq.abc import AbstractChannel

    from headworks.kernel.bus.message import Level
    from headworks.kernel.bus.topology import Policy, Topology

EVENTS: Final = "headworks.events"
"""The topic exchange; the routing key is the type."""
_DEAD: Final = "headworks.dead"
_DEAD_PREFIX: Final = "dead."
_NEVER: Final = 1_000_000_000
"""Deliveries: RabbitMQ 4 drops after 20 where nothing is said, and looking at a dead letter is one. 3.10 takes no -1."""


def level_queue(name: str, level: Level) -> str:
    """The broker's queue for tasks of a level."""
    return f"{name}.{level}"


def dead_queue(name: str) -> str:
    """The broker's queue of what is dead in a group or task queue."""
    return _DEAD_PREFIX + name


def level_of(queue: str) -> Level:
    """Of a queue of the broker."""
    return next((level for level in LEVELS if queue.endswith(f".{level}")), "normal")


def queues_of(topology: Topology, name: str) -> list[str]:
    """Of the broker, for a group or task queue; the most urgent first."""
    return [level_queue(name, level) for level in LEVELS] if topology.is_queue(name) else [name]


def declaring_events(topology: Topology) -> Callable[[AbstractChannel], Awaitable[None]]:
    """What a connection to the virtual host of events begins with."""

    async def declare(channel: AbstractChannel) -> None:
        await channel.exchange_declare(EVENTS, exchange_type="topic", durable=True)
        await channel.exchange_declare(_DEAD, exchange_type="direct", durable=True)
        for group in topology.groups:
            await _declare_dead(channel, group.name, group.policy)
            await channel.queue_declare(group.name, durable=True, arguments=_arguments(group.name, group.policy))
            for topic in group.topics:
                await channel.queue_bind(group.name, EVENTS, routing_key=topic)

    return declare


def declaring_tasks(topology: Topology) -> Callable[[AbstractChannel], Awaitable[None]]:
    """What a connection to the virtual host of tasks begins with."""

    async def declare(channel: AbstractChannel) -> None:
        await channel.exchange_declare(_DEAD, exchange_type="direct", durable=True)
        for queue in topology.queues:
            await _declare_dead(channel, queue.name, queue.policy)
            for name in queues_of(topology, queue.name):
                await channel.queue_declare(name, durable=True, arguments=_arguments(queue.name, queue.policy))

    return declare


async def _declare_dead(channel: AbstractChannel, name: str, policy: Policy) -> None:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-max-length": policy.max_dead,
        "x-overflow": "reject-publish",
        "x-delivery-limit": _NEVER,
    }
    await channel.queue_declare(dead_queue(name), durable=True, arguments=arguments)
    await channel.queue_bind(dead_queue(name), _DEAD, routing_key=dead_queue(name))


def _arguments(name: str, policy: Policy) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        # It counts returns, so that with 0 a message is delivered once.
        "x-delivery-limit": policy.delivery_limit - 1,
        "x-max-length": policy.max_messages,
        "x-max-length-bytes": policy.max_bytes,
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": _DEAD,
        "x-dead-letter-routing-key": dead_queue(name),
    }
    if policy.seconds_to_live is not None:
        arguments["x-message-ttl"] = max(1, round(policy.seconds_to_live * 1000))
    return arguments
