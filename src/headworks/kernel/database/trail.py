"""A context's audit trail in its own database: written in the transaction of what it tells of, so neither is without the other."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Index, Integer, Table, bindparam, insert, select, update

from headworks.kernel.audit import Change
from headworks.kernel.clock import now
from headworks.kernel.database.columns import Exact, Long, Microseconds
from headworks.kernel.database.trail_keys import trail_keys_table
from headworks.kernel.database.walls import overlook
from headworks.kernel.origin import HEADWORKS, origin
from headworks.kernel.telemetry import logger
from headworks.kernel.trail import END_CHANGED, Entry, Head, entries, genesis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database.trail_keys import SqlTrailKeys

_log = logger(__name__)

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
            Column("key_id", Exact(64)),
            Index(None, "at", "id"),
            Index(None, "organization_id", "at", "id"),
            Index(None, "actor_id", "at", "id"),
            Index(None, "action", "at", "id"),
            Index(None, "resource_id"),
            Index(None, "request_id"),
        )
        self.keys = trail_keys_table(context, metadata)
        self._head = Table(
            f"{context}_audit_head",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("sequence", BigInteger, nullable=False),
            Column("hash", Exact(64), nullable=False),
            Column("key_id", Exact(64)),
            Column("mac", Exact(64)),
        )
        head = self._head.c
        # Built once: every management transaction runs them, and building costs as much as running.
        self._read = select(head.sequence, head.hash, head.key_id, head.mac).where(head.id == _ONLY)
        # The lock makes writers on a server take turns; SQLite has one writer anyway, and leaves it out.
        self._locked = self._read.with_for_update()
        self._add = insert(self.rows)
        self._begin = insert(self._head).values(id=_ONLY)
        moved: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("sequence", "hash", "key_id", "mac")}
        self._move = update(self._head).where(head.id == _ONLY).values(moved)

    async def append(
        self,
        connection: AsyncConnection,
        changes: Sequence[Change],
        keys: SqlTrailKeys | None,
        organization_id: str | None = None,
    ) -> None:
        """Add what a transaction changed, by whoever acts now, within that transaction. Call it once, at its end.

        `keys` sign it; None leaves it unsigned. `organization_id` is whose things were changed; None takes what each change
        says, or else the actor's own. Raises TypeError for a value that is no JSON.
        """
        if not changes:
            return
        # The chain is of all organisations, and whoever acts may be of another one than what they changed.
        await overlook(connection)
        row = (await connection.execute(self._locked)).first()
        kept = None if row is None else Head(*row)
        head, written = kept or genesis(self.context), []
        key = None if keys is None else keys.current
        if kept is not None and keys is not None and not await self._is_ours(connection, kept, keys):
            _log.error("the end of the audit trail was changed", trail=self.context, sequence=kept.sequence)
            told = Change(
                END_CHANGED, "audit_trail", self.context, {"sequence": kept.sequence, "hash": kept.hash}, None
            )
            written = entries(head, [told], HEADWORKS, "", now(), key)
            head = Head(written[-1].sequence, written[-1].hash)
        written += entries(head, changes, origin(), organization_id, now(), key)
        await connection.execute(self._add, [{name: getattr(entry, name) for name in _FIELDS} for entry in written])
        end = Head(written[-1].sequence, written[-1].hash).signed(key)
        values = {"sequence": end.sequence, "hash": end.hash, "key_id": end.key_id, "mac": end.mac}
        if kept is None:
            await connection.execute(self._begin, values)
        else:
            await connection.execute(self._move, {f"new_{name}": value for name, value in values.items()})

    async def head(self, connection: AsyncConnection) -> Head | None:
        """The end of the chain as it is kept; None where nothing was written yet."""
        row = (await connection.execute(self._read)).first()
        return None if row is None else Head(*row)

    async def _is_ours(self, connection: AsyncConnection, head: Head, keys: SqlTrailKeys) -> bool:
        """Whether we wrote this end: what follows it would hide that entries were cut off before."""
        if head.key_id is not None:
            key = await keys.find(connection, head.key_id)
            return key is not None and head.is_signed_by(key)
        # From before there were keys: then its entry has none either.
        last = select(self.rows.c.hash, self.rows.c.key_id).where(self.rows.c.sequence == head.sequence)
        row = (await connection.execute(last)).first()
        return row is not None and tuple(row) == (head.hash, None)
