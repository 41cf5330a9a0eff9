"""Limits in a database. Every statement names the organisation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from headworks.kernel.errors import Stale
from headworks.limits.adapters.tables import ANNOUNCEMENTS, TRAIL, limits, revisions
from headworks.limits.contracts import Limit, LimitsChanged
from headworks.limits.errors import LimitExists

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import ColumnElement, RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.audit import Change
    from headworks.kernel.database import Database, SqlTrailKeys
    from headworks.kernel.events import EventBus


class SqlLimits:
    """The port `LimitStore` on a database."""

    def __init__(self, database: Database, bus: EventBus, trail_keys: SqlTrailKeys | None = None) -> None:
        """`bus` hears of each committed change. `trail_keys` sign the audit trail; None leaves it unsigned."""
        self._database = database
        self._bus = bus
        self._trail_keys = trail_keys

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[SqlReader]:
        """Everything that the block reads is of one moment. Raises DatabaseUnavailable."""
        async with self._database.moment(organization_id) as connection:
            yield SqlReader(connection, organization_id)

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[SqlWriter]:
        """Commits and announces at the end of the block, where it changed something. Raises DatabaseUnavailable."""
        with self._bus.after() as told:
            async with self._database.transaction(organization_id) as connection:
                writer = SqlWriter(connection, organization_id)
                yield writer
                if writer.changed:
                    await _raise_revision(connection, organization_id)
                    told(LimitsChanged(organization_id))
                await TRAIL.append(connection, writer.changes, self._trail_keys, organization_id)
                await ANNOUNCEMENTS.append(connection, told)

    async def revision(self, organization_id: str) -> int:
        """0 for an organisation that never had a limit. Raises DatabaseUnavailable."""
        async with self._database.read(organization_id) as connection:
            return await SqlReader(connection, organization_id).revision()


class SqlReader:
    """The port `LimitReader` on an open connection."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self.organization_id = organization_id

    async def revision(self) -> int:
        """0 for an organisation that never had a limit."""
        wanted = select(revisions.c.revision).where(revisions.c.organization_id == self.organization_id)
        return await self._connection.scalar(wanted) or 0

    async def limits(self) -> list[Limit]:
        """The oldest first."""
        wanted = select(limits).where(self._within).order_by(limits.c.created_at, limits.c.id)
        return [_limit(row) for row in (await self._connection.execute(wanted)).mappings()]

    async def limit(self, limit_id: str) -> Limit | None:
        """By id."""
        row = (await self._connection.execute(select(limits).where(self._mine(limit_id)))).mappings().first()
        return None if row is None else _limit(row)

    @property
    def _within(self) -> ColumnElement[bool]:
        return limits.c.organization_id == self.organization_id

    def _mine(self, limit_id: str) -> ColumnElement[bool]:
        return self._within & (limits.c.id == limit_id)


class SqlWriter(SqlReader):
    """The port `LimitWriter` on an open transaction."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        super().__init__(connection, organization_id)
        self.changed = False
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    async def add(self, limit: Limit) -> None:
        """Raises LimitExists."""
        try:
            await self._connection.execute(insert(limits).values(_columns(limit)))
        except IntegrityError as error:
            raise LimitExists(limit) from error
        self.changed = True

    async def replace(self, limit: Limit) -> None:
        """Raises Stale."""
        before = self._mine(limit.id) & (limits.c.version == limit.version - 1)
        done = await self._connection.execute(update(limits).where(before).values(_columns(limit)))
        if done.rowcount != 1:
            raise Stale("Somebody else changed it at the same moment. Read it again, and change what is there.")
        self.changed = True

    async def remove(self, limit_id: str) -> None:
        """One of this organisation's."""
        await self._connection.execute(delete(limits).where(self._mine(limit_id)))
        self.changed = True


async def _raise_revision(connection: AsyncConnection, organization_id: str) -> None:
    mine = revisions.c.organization_id == organization_id
    raised = await connection.execute(update(revisions).where(mine).values(revision=revisions.c.revision + 1))
    if not raised.rowcount:
        await connection.execute(insert(revisions).values(organization_id=organization_id, revision=1))


def _columns(limit: Limit) -> dict[str, Any]:
    return {name: getattr(limit, name) for name in Limit.__slots__} | {"window": limit.window or ""}


def _limit(row: RowMapping) -> Limit:
    return Limit(**(dict(row) | {"window": row["window"] or None}))
