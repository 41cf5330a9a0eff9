"""Usage between processes: a gateway hands its events to the bus, and whoever stores them hears them there.

Many events travel in one message, since a broker's work is by message. A message that comes twice, or the same events in others, is
nothing new to who stores them: each event has its own id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from headworks.bootstrap.messages import USAGE, USAGE_RECORDED
from headworks.kernel.bus import Batching, Message, Poison
from headworks.kernel.moments import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from headworks.bootstrap.intake import Intake
    from headworks.bootstrap.remote import FormerLife
    from headworks.kernel.bus import Bus

_AT_ONCE: Final = 200
"""Events of one message: at most a megabyte."""
_BATCHING: Final = Batching(messages=25)
"""So many messages have as many events as the shipper takes at once where there is one process: more would lock budgets for longer."""


class UsageQueue:
    """The port `Sink` of a gateway's shipper."""

    def __init__(self, bus: Bus, former: FormerLife, recovered: Future[None]) -> None:
        """`former` hears of what the spool held at the start, until `recovered` is done."""
        self._bus = bus
        self._former = former
        self._recovered = recovered

    async def take(self, events: Sequence[Sequence[object]], before_commit: Callable[[], None]) -> None:
        """When it returns, the broker has all of them on disk. Raises Unavailable."""
        messages = list(_messages(events))
        before_commit()
        await self._bus.publish(messages)
        if not self._recovered.done():
            self._former.note(events)

    async def between(self) -> None:
        """Nothing."""

    async def finish(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Close the bus."""
        await self._bus.close()


async def store_for_ever(bus: Bus, intake: Intake) -> None:
    """Store what gateways tell, until cancelled."""

    async def store(messages: Sequence[Message]) -> None:
        events = [event for message in messages for event in _events(message)]
        await intake.take(events, lambda: None)
        await intake.between()

    await bus.consume(USAGE.name, store, _BATCHING)


def _messages(events: Sequence[Sequence[object]]) -> Iterator[Message]:
    for start in range(0, len(events), _AT_ONCE):
        part = events[start : start + _AT_ONCE]
        (source, first, at_us, *_), last = part[0], part[-1][1]
        yield Message(
            id=f"{source}/{first}/{last}",
            type=USAGE_RECORDED.name,
            body=json.dumps(part, separators=(",", ":")).encode(),
            occurred_at=moment(int(str(at_us))),
            subject=str(source),
        )


def _events(message: Message) -> list[list[object]]:
    """Raises Poison: what is in each event is looked at where it is stored."""
    try:
        events = json.loads(message.body)
    except (ValueError, RecursionError) as error:
        raise Poison([message.id], f"no JSON: {error}") from error
    if not isinstance(events, list) or not all(isinstance(event, list) for event in events):
        raise Poison([message.id], "no list of usage events")
    return events
