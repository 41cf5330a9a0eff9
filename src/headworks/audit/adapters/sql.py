"""A context's trail in its database."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, or_, select, type_coerce

from headworks.audit.domain import ALL_OF
from headworks.kernel.database import EVERYTHING
from headworks.kernel.moments import moment
from headworks.kernel.trail import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.audit.contracts import Head, Place, Wanted
    from headworks.kernel.database import Database, SqlTrailKeys, Trail
    from headworks.kernel.trail import TrailKey

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_FIELDS = tuple(field.name for field in fields(Entry))


class SqlReader:
    """The port `TrailReader`."""

    def __init__(self, database: Database, trail: Trail, keys: SqlTrailKeys | None = None) -> None:
        """`keys` are those that sign it; None for a trail that is unsigned."""
        self.name = trail.context
        self._database = database
        self._trail = trail
        self._keys = keys
        self._rows = trail.rows.c
        # The time as the number that it is kept as: what was tampered with must be read, not fail to be.
        at = type_coerce(self._rows.at, BigInteger).label("at")
        columns = (at if name == "at" else self._rows[name] for name in _FIELDS)
        self._select: Select[*tuple[Any, ...]] = select(*columns)

    async def keys(self) -> dict[str, TrailKey]:
        """See `ports.TrailReader`."""
        if self._keys is None:
            return {}
        async with self._database.read(EVERYTHING) as connection:
            return await self._keys.known(connection)

    async def head(self) -> Head | None:
        """See `ports.TrailReader`."""
        async with self._database.read(EVERYTHING) as connection:
            return await self._trail.head(connection)

    async def following(self, sequence: int, limit: int) -> list[Entry]:
        """See `ports.TrailReader`."""
        wanted = self._select.where(self._rows.sequence > sequence).order_by(self._rows.sequence).limit(limit)
        async with self._database.read(EVERYTHING) as connection:
            return await _entries(connection, wanted)

    async def newest(self, wanted: Wanted, after: Place | None, limit: int) -> list[Entry]:
        """See `ports.TrailReader`."""
        rows = self._rows
        found = self._select.where(*self._conditions(wanted)).order_by(rows.at.desc(), rows.id.desc()).limit(limit)
        if after is not None:
            found = found.where(or_(rows.at < after.at, and_(rows.at == after.at, rows.id < after.id)))
        async with self._database.read(wanted.organization_id or EVERYTHING) as connection:
            return await _entries(connection, found)

    def _conditions(self, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
        rows = self._rows
        for name in ("organization_id", "actor_id", "resource_type", "resource_id", "request_id"):
            value = getattr(wanted, name)
            if value is not None:
                yield rows[name] == value
        if wanted.action is not None:
            noun = wanted.action.removesuffix("*")
            is_noun = wanted.action.endswith(ALL_OF)
            yield rows.action.startswith(noun, autoescape=True) if is_noun else rows.action == wanted.action
        if wanted.since is not None:
            yield rows.at >= wanted.since
        if wanted.until is not None:
            yield rows.at < wanted.until


async def _entries(connection: AsyncConnection, wanted: Select[*tuple[Any, ...]]) -> list[Entry]:
    return [_entry(row) for row in (await connection.execute(wanted)).mappings()]


def _entry(row: RowMapping) -> Entry:
    values = {name: row[name] for name in _FIELDS}
    return Entry(**{**values, "at": _moment(values["at"])})


def _moment(kept: object) -> datetime:
    """A time that somebody made no time of is another time than was hashed."""
    try:
        return moment(kept) if isinstance(kept, int) else _NO_TIME
    except OverflowError:
        return _NO_TIME
