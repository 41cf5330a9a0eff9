"""What an operator may do with dead letters, on whichever bus there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.audit import Change
from headworks.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from headworks.kernel.bus import Bus, DeadLetter, Standing, Topology


class NoBroker(Conflict):
    """The process was told of no message broker."""

    code = "no_broker"
    title = "There is no message broker"

    def __init__(self) -> None:
        super().__init__(
            "This process knows no message broker. `headworks up` needs none: it stores usage itself. "
            "Where gateways run apart, set HEADWORKS_BUS_URL for `headworks run control` as well."
        )


class QueueNotFound(NotFound):
    """No group and no task queue is called so."""

    code = "queue_not_found"
    title = "There is no such queue"

    def __init__(self, name: str, known: Collection[str]) -> None:
        super().__init__(f"There is no queue {name!r}. There is: {', '.join(sorted(known))}.")


class DeadLetterNotFound(NotFound):
    """It was replayed, or was never there."""

    code = "dead_letter_not_found"
    title = "There is no such dead letter"

    def __init__(self, letter_id: str) -> None:
        super().__init__(f"No message {letter_id!r} is dead: it was replayed, or there was none.")


@dataclass(frozen=True, slots=True)
class Looked:
    """What is dead now."""

    standings: Sequence[Standing]
    """Of the queues that were looked at."""
    letters: Sequence[DeadLetter]
    """The oldest of each queue."""


class DeadLetters:
    """Every method raises NoBroker, BusUnavailable, BusRefused."""

    def __init__(self, bus: Bus | None, topology: Topology, note: Callable[[Change], Awaitable[None]]) -> None:
        """`note` writes to the audit trail."""
        self._bus = bus
        self._topology = topology
        self._note = note

    async def look(self, queue: str | None, limit: int) -> Looked:
        """At one queue or all of them; at most so many letters. Raises QueueNotFound."""
        bus, names = self._open(), self._names(queue)
        standings = [one for one in await bus.standing() if one.name in names]
        letters: list[DeadLetter] = []
        for name in names:
            if len(letters) < limit:
                letters += await bus.dead(name, limit - len(letters))
        return Looked(standings, letters)

    async def one(self, queue: str | None, letter_id: str) -> DeadLetter:
        """The first of the queues that has it says what it is. Raises QueueNotFound, DeadLetterNotFound."""
        bus = self._open()
        for name in self._names(queue):
            for letter in await bus.dead(name, 1, [letter_id]):
                return letter
        raise DeadLetterNotFound(letter_id)

    async def replay(self, queue: str, ids: Collection[str] | None) -> int:
        """Put them back, or all that the queue has; how many there were.

        Raises QueueNotFound, DeadLetterNotFound where there is none of them, BusFull.
        """
        bus = self._open()
        self._names(queue)
        if ids is not None and not await bus.dead(queue, 1, ids):
            raise DeadLetterNotFound(", ".join(ids))
        # Noted before it is done: a trail that tells of a replay which a kill prevented is better than the contrary.
        wanted = "all" if ids is None else sorted(ids)
        await self._note(Change("dead_letters.replay_begun", "queue", queue, None, {"messages": wanted}))
        count = await bus.replay(queue, ids)
        await self._note(Change("dead_letters.replayed", "queue", queue, None, {"messages": count}))
        return count

    def _open(self) -> Bus:
        if self._bus is None:
            raise NoBroker
        return self._bus

    def _names(self, queue: str | None) -> list[str]:
        known = self._topology.policies
        if queue is None:
            return sorted(known)
        if queue not in known:
            raise QueueNotFound(queue, known)
        return [queue]
