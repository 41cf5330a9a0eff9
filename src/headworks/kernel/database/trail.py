"""A context's audit trail in its own database: written in the transaction of what it tells of, so neither is without the other."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Index, Integer, Table, bindparam, insert, select, update

from headworks.kernel.clock import now
from headworks.kernel.database.columns import Exact, Long, Microseconds
from headworks.kernel.origin import origin
from headworks.kernel.trail import Entry, Head, entries, genesis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.audit import Change

_ONLY = 1
"""The id of the one row that holds the head."""
_FIELDS = tuple(field.name for field in fields(Entry))


class Trail:
    """The tables of a context's trail, and the one way to add to them."""

    def __init__(self, context: str, metadata: MetaData) -> None:
        """Adds the tables to `metadata`; the context's migrations make them. Contexts may share a database, so it names them."""
        self.context = context
        self.rows = Table(
            f"{context}_audit_trail",
            metadata,
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("id", Exact(64), nullable=False),
            Column("at", Microseconds, nullable=False),
            Column("actor_kind", Exact(32), nullable=False),
            Column("actor_id", Exact(64), nullable=False),
            Column("organization_id", Exact(64), nullable=False),
            Column("action", Exact(64), nullable=False),
            Column("resource_type", Exact(64), nullable=False),
            Column("resource_id", Exact(128), nullable=False),
            Column("before", Long),
            Column("after", Long),
            Column("source", Exact(64)),
            Column("request_id", Exact(128)),
            Column("previous_hash", Exact(64), nullable=False),
            Column("hash", Exact(64), nullable=False),
            Index(None, "at", "id"),
            Index(None, "organization_id", "at", "id"),
            Index(None, "resource_id"),
            Index(None, "request_id"),
        )
        self._head = Table(
            f"{context}_audit_head",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("sequence", BigInteger, nullable=False),
            Column("hash", Exact(64), nullable=False),
        )
        head = self._head.c
        # The lock makes writers on a server take turns; SQLite has one writer anyway, and leaves it out.
        self._locked = select(head.sequence, head.hash).where(head.id == _ONLY).with_for_update()
        self._read = select(head.sequence, head.hash).where(head.id == _ONLY)
        # Built once: every management transaction runs them, and building costs as much as running.
        self._add = insert(self.rows)
        self._begin = insert(self._head).values(id=_ONLY)
        self._move = update(self._head).where(head.id == _ONLY).values(sequence=bindparam("to"), hash=bindparam("at"))

    async def append(
        self, connection: AsyncConnection, changes: Sequence[Change], organization_id: str | None = None
    ) -> None:
        """Add what a transaction changed, by whoever acts now, within that transaction. Call it once, at its end.

        `organization_id` is whose things were changed; None takes what each change says, or else the actor's own.
        Raises TypeError for a value that is no JSON.
        """
        if not changes:
            return
        row = (await connection.execute(self._locked)).first()
        head = genesis(self.context) if row is None else Head(*row)
        written = entries(head, changes, origin(), organization_id, now())
        await connection.execute(self._add, [{name: getattr(entry, name) for name in _FIELDS} for entry in written])
        if row is None:
            await connection.execute(self._begin, {"sequence": written[-1].sequence, "hash": written[-1].hash})
        else:
            await connection.execute(self._move, {"to": written[-1].sequence, "at": written[-1].hash})

    async def head(self, connection: AsyncConnection) -> Head | None:
        """The end of the chain as it is kept; None where nothing was written yet."""
        row = (await connection.execute(self._read)).first()
        return None if row is None else Head(*row)
