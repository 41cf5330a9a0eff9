"""What a context tells other processes: a row for each event, written in the transaction that it tells of.

Rows are numbered by a counter in the same database. Whoever raises it holds its row until the commit, so numbers are given in the order
of commits, and a number that is undone is given again: who has seen a number has seen all below it, and there are no gaps. Who reads
checks both, and that the row where it was is the one that it knew; where that does not hold (rows that went with their age, a database
that was put back), it may have missed something, and says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Column, Integer, Table, delete, insert, select, update

from headworks.kernel.database.columns import Exact, Long
from headworks.kernel.database.dialects import unless_there
from headworks.kernel.events import MayHaveMissed
from headworks.kernel.ids import new_id
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.events import Collected

_log = logger(__name__)

KEPT: Final = 10_000
"""Rows, of some 150 bytes: how far a process may be behind before it must read everything anew."""
_SWEPT: Final = 100
"""How many more there may be, so that not each transaction removes one."""
AT_ONCE: Final = 1_000
_ONLY: Final = 1
"""The id of the one row of the counter."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read."""

    sequence: int
    row: str
    """The id of the row of that number; empty before the first."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row."""

    row: str
    event: object


class Announcements:
    """The tables of a context, and the ways to write and to read them."""

    def __init__(self, context: str, metadata: MetaData, kinds: Sequence[type]) -> None:
        """Adds the tables to `metadata`; the context's migrations make them. `kinds` are frozen dataclasses of texts; others are not told."""
        self.kinds = {kind.__name__: kind for kind in kinds}
        self._context = context
        self._rows = Table(
            f"{context}_announcements",
            metadata,
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("id", Exact(64), nullable=False),
            Column("kind", Exact(64), nullable=False),
            Column("fields", Long, nullable=False),
        )
        self._counter = Table(
            f"{context}_announcements_head",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("sequence", BigInteger, nullable=False),
        )
        rows, counter = self._rows.c, self._counter.c
        self._add = insert(self._rows)
        self._now = select(counter.sequence).where(counter.id == _ONLY)
        self._newest = select(rows.sequence, rows.id).order_by(rows.sequence.desc()).limit(1)

    async def append(self, connection: AsyncConnection, collected: Collected) -> None:
        """Write what a transaction tells, at its end. Other transactions that tell something wait until it is over."""
        told = [event for event in collected.events if type(event).__name__ in self.kinds]
        if not told:
            return
        newest = await self._raised(connection, len(told))
        written: list[dict[str, Any]] = [
            {
                "sequence": number,
                "id": new_id("ann"),
                "kind": type(event).__name__,
                "fields": json.dumps(_fields(event)),
            }
            for number, event in enumerate(told, newest - len(told) + 1)
        ]
        await connection.execute(self._add, written)
        collected.rows.extend(row["id"] for row in written)
        if newest // _SWEPT != (newest - len(told)) // _SWEPT:
            await connection.execute(delete(self._rows).where(self._rows.c.sequence <= newest - KEPT))

    async def place(self, connection: AsyncConnection) -> Place:
        """Where the newest row is."""
        row = (await connection.execute(self._newest)).first()
        return Place(0, "") if row is None else Place(*row)

    async def after(self, connection: AsyncConnection, place: Place) -> tuple[Place, list[Told]]:
        """What was told since, at most so much as fits; and where that ends. `MayHaveMissed` stands for what cannot be told any more."""
        rows = self._rows.c
        wanted = select(self._rows).where(rows.sequence >= place.sequence).order_by(rows.sequence).limit(AT_ONCE)
        found = (await connection.execute(wanted)).all()
        if place.sequence:
            known = bool(found) and (found[0].sequence, found[0].id) == (place.sequence, place.row)
            found = found[1:]
        else:
            known = True
        if not known or any(row.sequence != number for number, row in enumerate(found, place.sequence + 1)):
            newest = await self.place(connection)
            _log.warning("changes of other processes may have been missed", context=self._context, at=place.sequence)
            return newest, [Told("", MayHaveMissed())]
        told = [Told(row.id, self._event(row.kind, row.fields)) for row in found]
        return (Place(found[-1].sequence, found[-1].id) if found else place), told

    async def _raised(self, connection: AsyncConnection, by: int) -> int:
        """The counter, which nobody else raises until this transaction is over."""
        counter = self._counter.c
        raised = update(self._counter).where(counter.id == _ONLY).values(sequence=counter.sequence + by)
        if not (await connection.execute(raised)).rowcount:
            # The first ever; another transaction may be that, too.
            begun = unless_there(connection.dialect.name, self._counter)
            await connection.execute(begun, {"id": _ONLY, "sequence": 0})
            await connection.execute(raised)
        return int(await connection.scalar(self._now) or 0)

    def _event(self, kind: str, fields: str) -> object:
        """A newer version may tell what this one does not know."""
        try:
            return self.kinds[kind](**json.loads(fields))
        except (KeyError, TypeError, ValueError):
            _log.warning("another process tells of what this version does not know", context=self._context, kind=kind)
            return MayHaveMissed()


def _fields(event: object) -> dict[str, str | None]:
    return {one.name: getattr(event, one.name) for one in fields(event)}  # type: ignore[arg-type]  # `kinds` are dataclasses
