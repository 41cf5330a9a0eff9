"""Where a consumer takes messages from: what an adapter has to give, and no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.kernel.bus.message import Message


class SourceLost(Exception):
    """The connection that deliveries came over is gone: what was not acknowledged will be delivered again, by another source."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this consumer holds."""

    message: Message
    number: int
    """1 for the first time that anybody got it."""
    tag: int
    """What the source knows it by."""


class Source(Protocol):
    """Deliveries of one queue to one consumer. Every method raises SourceLost."""

    async def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """At least one and at most so many. Waits for the first however long, and for more only so long."""

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """They are handled: forget them."""

    async def give_back(self, delivery: Delivery) -> None:
        """Whoever wants it may have it; at its limit it becomes a dead letter."""

    async def bury(self, delivery: Delivery) -> None:
        """It is a dead letter, by its handler's word."""


class Asked(ABC):
    """The part of a source that must be asked whether it has something."""

    async def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """See `Source`."""
        while not (taken := await self.ask(most)):
            await self.rest(None)
        until = monotonic() + wait_seconds
        while len(taken) < most and (left := until - monotonic()) > 0:
            more = await self.ask(most - len(taken))
            taken += more
            if not more:
                await self.rest(left)
        return taken

    @abstractmethod
    async def ask(self, most: int) -> list[Delivery]:
        """What is there now."""

    @abstractmethod
    async def rest(self, seconds: float | None) -> None:
        """Wait until asking again makes sense, and no longer than that."""
