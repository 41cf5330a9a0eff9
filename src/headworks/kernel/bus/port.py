"""The port: what the rest of Headworks knows of a bus, whichever it is.

Delivery is at least once and in no promised order. A message is acknowledged after its handler has returned, which is after its
transaction; one that is published twice has the same id twice. Nothing here waits for ever but `consume`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from headworks.kernel.bus.message import Message

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from headworks.kernel.bus.message import Level

Handler = Callable[[Sequence[Message]], Awaitable[None]]
"""Handles a batch, and returns when it is committed.

Raise Poison for messages that can never be handled, Unavailable when something that you need is away: the batch is kept, and tried
again until it is back. After any other error the batch is tried in halves, down to single messages, so that the one at fault
is found; it comes back after a pause, until its limit makes it a dead letter.
"""

_LARGEST_BATCH: Final = 10_000
"""What one statement of SQLite's can name."""

Reason = Literal["rejected", "delivery_limit", "expired"]
"""Why a message is dead: its handler said so; it was delivered too often; nobody took it in time."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How much a handler gets at once, and what is fetched ahead."""

    messages: int = 100
    """At most so many in a batch."""
    wait_seconds: float = 0.05
    """How long to wait for more once there is one."""
    prefetch: int = 0
    """How many events a consumer may hold that are not handled; 0 for twice a batch. The figures: docs/decisions/0018."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 1 <= self.messages <= _LARGEST_BATCH or self.wait_seconds < 0:
            raise ValueError(f"a batch has 1 to {_LARGEST_BATCH} messages, and does not wait less than no time")
        if self.prefetch and self.prefetch < self.messages:
            raise ValueError("a batch has no more messages than are fetched")

    @property
    def held(self) -> int:
        """How many are fetched at most."""
        return self.prefetch or 2 * self.messages


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody will be given any more, unless it is replayed."""

    message: Message
    queue: str
    """The group or task queue that it was in."""
    level: Level
    reason: Reason
    deliveries: int | None = None
    """How often it was given to a consumer before it died. None where the bus cannot tell: RabbitMQ counts for the living, so that it is
    known of those alone that died of it."""
    died_at: datetime | None = None
    """None where the bus does not keep it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a group or task queue stands, for metrics."""

    name: str
    waiting: int
    """Messages that no consumer holds."""
    dead: int
    oldest_seconds: float | None
    """Age of the oldest message, since it was published; 0 for none. None where the bus cannot tell: AMQP shows the head to nobody
    but who takes it, so that with RabbitMQ a process knows only of what it consumes."""
    redelivered: int
    """Deliveries to this process that were not a message's first, since it began."""


class Bus(Protocol):
    """Events and tasks."""

    async def publish(self, events: Sequence[Message]) -> None:
        """Tell every group that hears them; what no group hears is dropped. Returns when all is durable.

        Raises BusUnavailable at the bus's deadline, BusFull, BusRefused: some may have been taken, so publish all again.
        """

    async def submit(self, queue: str, tasks: Sequence[Message], level: Level = "normal") -> None:
        """Put tasks into a queue, where one worker takes each. Raises as `publish` does."""

    async def consume(self, name: str, handler: Handler, batching: Batching | None = None) -> None:
        """Hand what a group hears, or a task queue holds, to `handler`, until cancelled. Survives the broker's absence.

        One batch at a time: who wants more at once consumes more than once.
        """

    async def dead(self, name: str, limit: int = 100, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """Dead letters, the oldest first; with `ids` those alone. While they are looked at, others see fewer.

        Raises BusUnavailable, BusRefused.
        """

    async def replay(self, name: str, ids: Collection[str] | None = None) -> int:
        """Put dead letters back into the queue that they were in, and no other; None for all. Returns how many.

        Each is what it was, id included. One that is being replayed while the process dies may come twice.
        """

    async def discard(self, name: str, ids: Collection[str]) -> int:
        """Forget dead letters for good. Returns how many there were."""

    async def standing(self) -> list[Standing]:
        """Of every group and task queue. Raises BusUnavailable, BusRefused."""

    async def ping(self) -> None:
        """Raises BusUnavailable, BusRefused when nothing could be published now."""

    async def close(self) -> None:
        """Let go of connections and files. What is not acknowledged comes again."""
