"""PostgreSQL's partitions of records, one for each month of their ids: made ahead, and dropped when they are empty and over.

What lies in which partition follows from a record's id alone, so that (source, event id) is unique over all of them. Nothing here is
needed for a record to be stored: what has no partition of its own lies in the rest. Other databases keep records in one table.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from headworks.kernel.clock import monotonic
from headworks.kernel.database import EVERYTHING, DatabaseUnavailable
from headworks.kernel.moments import first_second_of
from headworks.kernel.telemetry import logger
from headworks.kernel.timeline import FOREVER_US
from headworks.usage.adapters.tables import REST, events
from headworks.usage.domain.months import LEADING, due, first_id, following, months_of, sensible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database import Database

_log = logger(__name__)

_OF_MONTH: Final = re.compile(rf"{events.name}_(until_)?(\d{{4}})_(\d\d)")
"""`until_`: made by the migration of what was there before, and holds all that is older than that month."""
_LISTED: Final = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "  # noqa: S608 - a name of ours
    f"WHERE inhparent = '{events.name}'::regclass ORDER BY relname"
)
_PATIENCE: Final = "SET LOCAL lock_timeout = '1s'"
"""Whoever comes after us waits for us as long as we wait for others."""
_AGAIN_SECONDS: Final = 60
_MOST_MOVED: Final = 10_000
"""Records that are taken out of the rest for a new partition, while nobody reads that. Where there are more they stay there."""
_SECOND_US: Final = 1_000_000


class Partitions:
    """Of one database; safe to use from several processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready: set[date] = set()
        self._again_at = monotonic()

    def forget(self) -> None:
        """After a failure: the database may be another than before."""
        self._ready.clear()

    async def make(self, at: datetime) -> list[str]:
        """Those of the months that are due; the names of the new ones. Costs nothing where they are known to be there.

        Where it may not, or would have to wait, it says so in the log, and tries again a minute later. Raises DatabaseUnavailable.
        """
        missing = [month for month in due(at) if month not in self._ready]
        if not missing or monotonic() < self._again_at:
            return []
        return await self.make_months(missing)

    async def make_months(self, months: Iterable[date]) -> list[str]:
        """As `make`, those that are named."""
        async with self._database.read(EVERYTHING) as connection:
            if connection.dialect.name != "postgresql":
                self._ready.update(months)
                return []
            there = await _listed(connection)
        made = []
        for month in months:
            try:
                if not _has(there, month) and await self._make(month):
                    made.append(_name(month))
                self._ready.add(month)
            except (DatabaseUnavailable, DBAPIError) as error:
                self._again_at = monotonic() + _AGAIN_SECONDS
                _log.warning(
                    "no partition for usage yet, it goes to the rest", month=f"{month:%Y-%m}", error=_why(error)
                )
                break
        if made:
            _log.info("partitions made for usage", partitions=made)
        return made

    async def drop(self, before_us: int) -> list[str]:
        """Those of months that were over by then, where nothing is left in them; the names. Raises DatabaseUnavailable."""
        async with self._database.read(EVERYTHING) as connection:
            if connection.dialect.name != "postgresql":
                return []
            over = [name for name in await _listed(connection) if _end_us(name) <= before_us]
            empty = [name for name in over if await _is_empty(connection, name)]
        dropped = []
        for name in empty:
            try:
                if await self._drop(name):
                    dropped.append(name)
            except (DatabaseUnavailable, DBAPIError) as error:
                _log.warning("an empty partition of usage stays for now", partition=name, error=_why(error))
                break
        if dropped:
            _log.info("empty partitions of usage dropped", partitions=dropped)
        return dropped

    async def _make(self, month: date) -> bool:
        """False where somebody was quicker, or too much of that month lies in the rest."""
        name, begin, end = _name(month), first_id(month), first_id(following(month))
        within = f"event_id >= '{begin}' AND event_id < '{end}'"
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.exec_driver_sql(_PATIENCE)
            # Of ATTACH, too: one at a time makes. Who stores and who reads does not wait for it.
            await connection.exec_driver_sql(f"LOCK TABLE ONLY {events.name} IN SHARE UPDATE EXCLUSIVE MODE")
            if _has(await _listed(connection), month):
                return False
            # Nothing of this month may be in the rest, nor come there. ATTACH would lock it next.
            await connection.exec_driver_sql(f"LOCK TABLE {REST} IN ACCESS EXCLUSIVE MODE")
            counted = f"SELECT count(*) FROM (SELECT FROM {REST} WHERE {within} LIMIT {_MOST_MOVED + 1}) AS found"  # noqa: S608 - names of ours
            count = (await connection.exec_driver_sql(counted)).scalar_one()
            if count > _MOST_MOVED:
                _log.warning("much usage of a month lies in the rest, and stays there", month=f"{month:%Y-%m}")
                return False
            await connection.exec_driver_sql(
                f"CREATE TABLE {name} (LIKE {events.name} INCLUDING DEFAULTS, CONSTRAINT pk_{name} PRIMARY KEY (id))"
            )
            if count:
                moved = f"DELETE FROM {REST} WHERE {within} RETURNING *"  # noqa: S608 - as above
                await connection.exec_driver_sql(f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved")  # noqa: S608 - as above
            await connection.exec_driver_sql(
                f"ALTER TABLE {events.name} ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')"
            )
        return True

    async def _drop(self, name: str) -> bool:
        """False where something has come into it."""
        async with self._database.transaction(EVERYTHING) as connection:
            await connection.exec_driver_sql(_PATIENCE)
            # Nobody writes to it any more; then it is looked at again.
            await connection.exec_driver_sql(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
            if not await _is_empty(connection, name):
                return False
            await connection.exec_driver_sql(f"DROP TABLE {name}")
        return True


async def months_in(database: Database, at: datetime) -> list[date]:
    """Of which there may be records in another store, up to `at`. Goes through all of them. Raises DatabaseUnavailable."""
    first, beyond = sensible(at)
    leading = func.substr(events.c.event_id, 1, LEADING)
    wanted = select(leading).distinct().where(events.c.event_id >= first, events.c.event_id < beyond)
    async with database.read(EVERYTHING) as connection:
        return months_of((await connection.execute(wanted)).scalars())


async def _listed(connection: AsyncConnection) -> list[str]:
    return list((await connection.exec_driver_sql(_LISTED)).scalars())


async def _is_empty(connection: AsyncConnection, name: str) -> bool:
    """From the newest settlement on, which is the last to be forgotten: from the oldest it would go through all that is deleted."""
    newest = f"SELECT id FROM {name} ORDER BY transaction_id DESC LIMIT 1"  # noqa: S608 - a name of ours
    return (await connection.exec_driver_sql(newest)).first() is None


def _name(month: date) -> str:
    return f"{events.name}_{month:%Y_%m}"


def _has(names: Iterable[str], month: date) -> bool:
    """Whether one of these partitions is for that month."""
    for name in names:
        found = _OF_MONTH.fullmatch(name)
        if found is None:
            continue
        its = date(int(found[2]), int(found[3]), 1)
        if month < its if found[1] else month == its:
            return True
    return False


def _end_us(name: str) -> int:
    """Which no id in it reaches, in UTC microseconds; of the rest, that of all time."""
    found = _OF_MONTH.fullmatch(name)
    if found is None:
        return FOREVER_US
    its = date(int(found[2]), int(found[3]), 1)
    return first_second_of(its if found[1] else following(its)) * _SECOND_US


def _why(error: DatabaseUnavailable | DBAPIError) -> str:
    """Without the statement."""
    if isinstance(error, DatabaseUnavailable):
        return error.detail or error.message
    return str(error.orig).partition("\n")[0]
