"""Doors to the ledger's tables, which lie in usage's database: transactions of its own, and parts of usage's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from headworks.kernel.database import EVERYTHING
from headworks.kernel.events import Collected
from headworks.ledger.adapters.sql.bound import MOST_ASKED
from headworks.ledger.adapters.sql.budgets import live_budgets
from headworks.ledger.adapters.sql.known import Known
from headworks.ledger.adapters.sql.overview import SqlOverview
from headworks.ledger.adapters.sql.unit import SqlReading, SqlUnit
from headworks.ledger.adapters.sql.writing import JournalWrites
from headworks.ledger.adapters.tables import ANNOUNCEMENTS, TRAIL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from headworks.kernel.database import Database, SqlTrailKeys
    from headworks.kernel.events import EventBus
    from headworks.ledger.adapters.sql.outside import RecordTables
    from headworks.ledger.contracts import Budget
    from headworks.ledger.domain.postings import Posting


class SqlLedger:
    """The port `Ledger` on usage's database."""

    def __init__(
        self, database: Database, records: RecordTables, bus: EventBus, trail_keys: SqlTrailKeys | None = None
    ) -> None:
        """`bus` hears of what was committed. `trail_keys` sign the audit trail; None leaves it unsigned."""
        self._database = database
        self._trail_keys = trail_keys
        self._records = records
        self._bus = bus
        self._known = Known()

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[SqlReading]:
        """Raises DatabaseUnavailable."""
        async with self._database.moment(organization_id) as connection:
            yield SqlReading(connection, organization_id, self._records.of(connection, organization_id))

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[SqlUnit]:
        """Raises DatabaseUnavailable, TransactionLost."""
        async with self._forgetful(), self._database.transaction(organization_id) as connection:
            joined = self._joined(connection)
            yield joined.of(organization_id)
            await joined.finish()
        joined.committed()

    @asynccontextmanager
    async def overlooking(self) -> AsyncIterator[SqlOverview]:
        """Raises DatabaseUnavailable."""
        async with self._database.moment(EVERYTHING) as connection:
            yield SqlOverview(connection, self._records)

    @asynccontextmanager
    async def joining(self, transaction: object) -> AsyncIterator[SqlInstallation]:
        """Usage's transaction is a connection."""
        if not isinstance(transaction, AsyncConnection):
            message = "usage is kept in another kind of store than the ledger"
            raise TypeError(message)
        async with self._forgetful():
            joined = self._joined(transaction)
            yield joined
            await joined.finish()

    def _joined(self, connection: AsyncConnection) -> SqlInstallation:
        return SqlInstallation(connection, self._records, self._known, self._bus, self._trail_keys)

    @asynccontextmanager
    async def _forgetful(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            self._known.forget()
            raise


class SqlInstallation:
    """The port `Installation` on an open transaction."""

    def __init__(
        self,
        connection: AsyncConnection,
        records: RecordTables,
        known: Known,
        bus: EventBus,
        trail_keys: SqlTrailKeys | None,
    ) -> None:
        self._connection = connection
        self._records = records
        self._known = known
        self._bus = bus
        self._told = Collected()
        self._trail_keys = trail_keys
        self._journal = JournalWrites(connection, known)
        self._units: dict[str, SqlUnit] = {}

    def of(self, organization_id: str) -> SqlUnit:
        """The same one each time."""
        found = self._units.get(organization_id)
        if found is None:
            records = self._records.of(self._connection, organization_id)
            found = self._units[organization_id] = SqlUnit(self._connection, organization_id, records, self._journal)
        return found

    async def begin(self, owners: Collection[str], at_us: int) -> dict[str, int]:
        """Their rows are locked, together with others."""
        await self._journal.lock(owners, alone=False)
        return await self._journal.begin(owners, "usage", at_us, "")

    async def budgets(self, owners: Collection[str]) -> dict[str, list[Budget]]:
        """By age."""
        found: dict[str, list[Budget]] = {owner: [] for owner in owners}
        asked = sorted(owners)
        for start in range(0, len(asked), MOST_ASKED):
            for budget in await live_budgets(self._connection, asked[start : start + MOST_ASKED]):
                found[budget.organization_id].append(budget)
        return found

    async def enter(self, postings: Mapping[int, Posting]) -> None:
        """Entries of all of them together."""
        await self._journal.enter(postings)

    async def finish(self) -> None:
        """Before the commit."""
        for organization_id, unit in self._units.items():
            await TRAIL.append(self._connection, unit.changes, self._trail_keys, organization_id)
            self._told.events.extend(unit.told)
        await ANNOUNCEMENTS.append(self._connection, self._told)

    def committed(self) -> None:
        """Only now: numbers that were given in a transaction that fails are given again, to others."""
        self._known.learn(self._journal.learnt)
        self._bus.tell(self._told)
