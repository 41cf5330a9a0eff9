"""What is done to the table, a transaction each. One process at a time has the file, so that a message that is taken is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, literal, select, update

from headworks.kernel.bus.adapters.sqlite.tables import DEAD, TAKEN, WAITING, messages
from headworks.kernel.bus.message import LEVELS, Message
from headworks.kernel.bus.port import DeadLetter
from headworks.kernel.bus.source import Delivery
from headworks.kernel.clock import now
from headworks.kernel.database import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.bus.message import Level
    from headworks.kernel.bus.port import Reason
    from headworks.kernel.bus.topology import Policy
    from headworks.kernel.clock import Clock
    from headworks.kernel.database import Database

_MESSAGE = (
    messages.c.id,
    messages.c.type,
    messages.c.body,
    messages.c.occurred_at,
    messages.c.subject,
    messages.c.organization_id,
    messages.c.content_type,
)


class Measure(NamedTuple):
    """How much a queue holds."""

    waiting: int
    taken: int
    dead: int
    bytes_alive: int
    oldest_seconds: float


class Store:
    """Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database, clock: Clock = now) -> None:
        self._database = database
        self._clock = clock

    async def release_all(self) -> None:
        """Of the process that had the file before."""
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.execute(update(messages).where(messages.c.state == TAKEN).values(state=WAITING))

    async def add(self, wanted: Sequence[tuple[str, Level, Message]]) -> None:
        """Messages with their queues. On disk when it returns, all or none."""
        at = self._clock()
        rows = [
            {
                "queue": queue,
                "state": WAITING,
                "rank": LEVELS.index(level),
                "delivered": 0,
                "reason": "",
                "published_at": at,
                "id": one.id,
                "type": one.type,
                "subject": one.subject,
                "organization_id": one.organization_id,
                "occurred_at": one.occurred_at,
                "content_type": one.content_type,
                "size": len(one.body),
                "body": one.body,
            }
            for queue, level, one in wanted
        ]
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.execute(insert(messages), rows)

    async def take(self, queue: str, policy: Policy, most: int) -> list[Delivery]:
        """The most urgent that wait, the oldest of them first."""
        mine = (messages.c.queue == queue, messages.c.state == WAITING)
        async with self._database.look_up(EVERYTHING) as connection:
            if (await connection.execute(select(messages.c.sequence).where(*mine).limit(1))).first() is None:
                return []
        async with self._database.transaction(EVERYTHING) as connection:
            await self._expire(connection, queue, policy)
            # Taken so often by processes that died.
            spent = messages.c.delivered >= policy.delivery_limit
            await connection.execute(update(messages).where(*mine, spent).values(state=DEAD, reason="delivery_limit"))
            rows = (
                await connection.execute(
                    select(messages.c.sequence, messages.c.delivered, *_MESSAGE)
                    .where(*mine)
                    .order_by(messages.c.rank, messages.c.sequence)
                    .limit(most)
                )
            ).all()
            await connection.execute(
                update(messages)
                .where(messages.c.sequence.in_([row.sequence for row in rows]))
                .values(state=TAKEN, delivered=messages.c.delivered + 1)
            )
        return [Delivery(_message(row), row.delivered + 1, row.sequence) for row in rows]

    async def forget(self, sequences: Collection[int]) -> None:
        """They are handled."""
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.execute(delete(messages).where(messages.c.sequence.in_(sequences)))

    async def give_back(self, sequences: Collection[int], policy: Policy) -> None:
        """They wait again, or are dead at their limit."""
        ours = messages.c.sequence.in_(sequences)
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.execute(
                update(messages)
                .where(ours, messages.c.delivered >= policy.delivery_limit)
                .values(state=DEAD, reason="delivery_limit")
            )
            await connection.execute(update(messages).where(ours, messages.c.state == TAKEN).values(state=WAITING))

    async def bury(self, sequence: int, reason: Reason) -> None:
        """It is dead."""
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.execute(
                update(messages).where(messages.c.sequence == sequence).values(state=DEAD, reason=reason)
            )

    async def dead(self, queue: str, policy: Policy, limit: int, ids: Collection[str] | None) -> list[DeadLetter]:
        """The oldest first, of all or of these."""
        async with self._database.transaction(EVERYTHING) as connection:
            await self._expire(connection, queue, policy)
        async with self._database.read(EVERYTHING) as connection:
            rows = await connection.execute(
                select(messages.c.rank, messages.c.reason, messages.c.delivered, *_MESSAGE)
                .where(*_dead(queue, ids))
                .order_by(messages.c.sequence)
                .limit(limit)
            )
            return [DeadLetter(_message(row), queue, LEVELS[row.rank], row.reason, row.delivered) for row in rows]

    async def replay(self, queue: str, ids: Collection[str] | None) -> int:
        """They wait as if they had just been published."""
        as_new: dict[str, Any] = {"state": WAITING, "delivered": 0, "reason": "", "published_at": self._clock()}
        async with self._database.transaction(EVERYTHING) as connection:
            found = await connection.execute(update(messages).where(*_dead(queue, ids)).values(as_new))
            return found.rowcount

    async def discard(self, queue: str, ids: Collection[str]) -> int:
        """They are gone."""
        async with self._database.transaction(EVERYTHING) as connection:
            return (await connection.execute(delete(messages).where(*_dead(queue, ids)))).rowcount

    async def measure(self, queue: str, policy: Policy) -> Measure:
        """How much there is now."""
        if policy.seconds_to_live is not None:
            async with self._database.transaction(EVERYTHING) as connection:
                await self._expire(connection, queue, policy)
        async with self._database.read(EVERYTHING) as connection:
            rows = await connection.execute(
                select(
                    messages.c.state,
                    func.count().label("messages"),
                    func.sum(messages.c.size).label("size"),
                    func.min(messages.c.published_at).label("oldest"),
                )
                .where(messages.c.queue == queue)
                .group_by(messages.c.state)
            )
            found = {row.state: row for row in rows}
        alive = [found[state] for state in (WAITING, TAKEN) if state in found]
        at = self._clock()
        waiting, taken, dead = (found[state].messages if state in found else 0 for state in (WAITING, TAKEN, DEAD))
        return Measure(
            waiting,
            taken,
            dead,
            bytes_alive=sum(row.size for row in alive),
            oldest_seconds=max([0.0, *((at - row.oldest).total_seconds() for row in alive)]),
        )

    async def _expire(self, connection: AsyncConnection, queue: str, policy: Policy) -> None:
        if policy.seconds_to_live is None:
            return
        late = messages.c.published_at < self._clock() - timedelta(seconds=policy.seconds_to_live)
        await connection.execute(
            update(messages)
            .where(messages.c.queue == queue, messages.c.state == WAITING, late)
            .values(state=DEAD, reason="expired")
        )


def _dead(queue: str, ids: Collection[str] | None) -> tuple[ColumnElement[bool], ...]:
    named = literal(value=True) if ids is None else messages.c.id.in_(ids)
    return (messages.c.queue == queue, messages.c.state == DEAD, named)


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(row.id, row.type, row.body, row.occurred_at, row.subject, row.organization_id, row.content_type)
