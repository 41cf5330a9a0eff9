"""Writes to one organisation's ledger, within a transaction that `ledger.py`, or usage, opens and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database import is_duplicate, unless_there
from headworks.kernel.errors import Stale
from headworks.kernel.ids import new_id
from headworks.kernel.money import LARGEST_AMOUNT
from headworks.ledger.adapters.charged import charged
from headworks.ledger.adapters.sql.budgets import BudgetReads
from headworks.ledger.adapters.sql.journal import JournalReads
from headworks.ledger.adapters.sql.ratings import RatingReads
from headworks.ledger.adapters.sql.rows import (
    adjustment_columns,
    budget_columns,
    closed_columns,
    raise_columns,
    re_rating_columns,
)
from headworks.ledger.adapters.tables import (
    adjustments,
    alerts,
    budgets,
    closed_periods,
    forgotten,
    holds,
    mark_ups,
    organizations,
    periods,
    raises,
    re_ratings,
)
from headworks.ledger.errors import AmountTooLarge, BudgetExists, MarkUpExists

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.audit import Change
    from headworks.kernel.scopes import Scope
    from headworks.ledger.adapters.sql.writing import JournalWrites
    from headworks.ledger.contracts import (
        Adjustment,
        Alert,
        Budget,
        ClosedPeriod,
        Counters,
        Hold,
        MarkUp,
        Period,
        Place,
        Raise,
        ReRating,
        Sums,
        TransactionKind,
    )
    from headworks.ledger.domain.postings import Posting
    from headworks.ledger.ports import Records

_CHANGE_COUNTERS = (
    update(periods)
    .where(periods.c.budget_id == bindparam("of_budget"), periods.c.start_us == bindparam("from_start"))
    .values(authorized=bindparam("now_authorized"), held=bindparam("now_held"), spent=bindparam("now_spent"))
)


class SqlReading(BudgetReads, JournalReads, RatingReads):
    """The port `Reading` on an open connection."""

    async def charged(self, scope: Scope, scope_id: str, period: Period) -> int:
        """Of days, records and adjustments."""
        return await charged(self, scope, scope_id, period)


class SqlUnit(SqlReading):
    """The port `Unit` on an open transaction."""

    def __init__(
        self, connection: AsyncConnection, organization_id: str, records: Records, journal: JournalWrites
    ) -> None:
        super().__init__(connection, organization_id, records)
        self._journal = journal
        self._dialect = connection.dialect.name
        self.changes: list[Change] = []
        self.told: list[object] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    def publish(self, event: object) -> None:
        """Kept until the transaction is committed."""
        self.told.append(event)

    async def lock(self, *, alone: bool) -> None:
        """The organisation's row."""
        await self._journal.lock([self.organization_id], alone=alone)

    async def touch(self) -> None:
        """One further."""
        mine = organizations.c.organization_id == self.organization_id
        await self.connection.execute(update(organizations).where(mine).values(revision=organizations.c.revision + 1))

    async def begin(self, kind: TransactionKind, at_us: int, reference: str = "") -> int:
        """Its number."""
        return (await self._journal.begin([self.organization_id], kind, at_us, reference))[self.organization_id]

    async def enter(self, number: int, posting: Posting) -> None:
        """Its entries."""
        await self._journal.enter({number: posting})

    async def open_period(self, counters: Counters) -> bool:
        """Whether the row is ours shows by the word that we put into it."""
        word = new_id("opn")
        row = {
            "budget_id": counters.place.budget_id,
            "start_us": counters.place.start_us,
            "organization_id": self.organization_id,
            "end_us": counters.end_us,
            "authorized": counters.authorized,
            "held": counters.held,
            "spent": counters.spent,
            "opening": word,
        }
        await self.connection.execute(unless_there(self._dialect, periods).values(row))
        return await self._is_ours(periods, periods.c.opening, counters.place, word)

    async def locked(self, places: Collection[Place]) -> dict[Place, Counters]:
        """By the rows of `periods`."""
        return await self._counters(places, lock=True)

    async def put_counters(self, counters: Counters) -> None:
        """By its place. Raises AmountTooLarge."""
        if max(map(abs, (counters.authorized, counters.held, counters.spent))) > LARGEST_AMOUNT:
            raise AmountTooLarge
        await self.connection.execute(
            _CHANGE_COUNTERS,
            {
                "of_budget": counters.place.budget_id,
                "from_start": counters.place.start_us,
                "now_authorized": counters.authorized,
                "now_held": counters.held,
                "now_spent": counters.spent,
            },
        )

    async def put_hold(self, hold: Hold) -> None:
        """The counters of its period are locked, so nobody else puts one."""
        this = and_(
            holds.c.budget_id == hold.budget_id, holds.c.start_us == hold.start_us, holds.c.source == hold.source
        )
        if hold.amount == 0:
            await self.connection.execute(delete(holds).where(this))
            return
        changed = {"amount": hold.amount, "expires_at_us": hold.expires_at_us}
        if not await self.connection.scalar(select(holds.c.budget_id).where(this)):
            key = {"budget_id": hold.budget_id, "start_us": hold.start_us, "source": hold.source}
            await self.connection.execute(insert(holds).values(organization_id=self.organization_id, **key, **changed))
            return
        await self.connection.execute(update(holds).where(this).values(changed))

    async def add_budget(self, budget: Budget) -> None:
        """Raises BudgetExists."""
        await self._unique(
            insert(budgets).values(budget_columns(budget)), BudgetExists(budget.period, hard=budget.hard)
        )

    async def replace_budget(self, budget: Budget) -> None:
        """Raises BudgetExists, Stale."""
        before = and_(
            budgets.c.id == budget.id,
            budgets.c.organization_id == self.organization_id,
            budgets.c.version == literal(budget.version) - 1,
        )
        changed = update(budgets).where(before).values(budget_columns(budget))
        if not await self._unique(changed, BudgetExists(budget.period, hard=budget.hard)):
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )

    async def add_raise(self, one: Raise) -> None:
        """A new row."""
        await self.connection.execute(insert(raises).values(organization_id=self.organization_id, **raise_columns(one)))

    async def replace_raise(self, one: Raise) -> None:
        """By its id."""
        mine = and_(raises.c.id == one.id, raises.c.organization_id == self.organization_id)
        await self.connection.execute(update(raises).where(mine).values(raise_columns(one)))

    async def add_alert(self, alert: Alert) -> bool:
        """As with periods, whether the row is ours shows by our word."""
        word = new_id("alt")
        row = {
            "budget_id": alert.place.budget_id,
            "start_us": alert.place.start_us,
            "percent": alert.percent,
            "organization_id": self.organization_id,
            "spent": alert.spent,
            "authorized": alert.authorized,
            "crossed_at_us": alert.crossed_at_us,
            "telling": word,
        }
        await self.connection.execute(unless_there(self._dialect, alerts).values(row))
        return await self._is_ours(alerts, alerts.c.telling, alert.place, word, alerts.c.percent == alert.percent)

    async def add_mark_up(self, mark_up: MarkUp) -> None:
        """Raises MarkUpExists."""
        row = {
            "id": mark_up.id,
            "organization_id": self.organization_id,
            "ppm": mark_up.ppm,
            "valid_from_us": mark_up.valid_from_us,
            "created_at_us": mark_up.created_at_us,
        }
        await self._unique(insert(mark_ups).values(row), MarkUpExists())

    async def remove_mark_up(self, mark_up_id: str) -> None:
        """By its id."""
        mine = and_(mark_ups.c.id == mark_up_id, mark_ups.c.organization_id == self.organization_id)
        await self.connection.execute(delete(mark_ups).where(mine))

    async def add_closed_period(self, period: ClosedPeriod) -> None:
        """A new row."""
        await self.connection.execute(insert(closed_periods).values(closed_columns(period)))

    async def put_re_rating(self, done: ReRating) -> None:
        """A new row."""
        await self.connection.execute(insert(re_ratings).values(re_rating_columns(done)))

    async def add_adjustments(self, made: Sequence[Adjustment]) -> None:
        """New rows."""
        rows = [{"organization_id": self.organization_id, **adjustment_columns(one)} for one in made]
        await self.connection.execute(insert(adjustments), rows)

    async def add_forgotten(self, sums: Mapping[int, Sums], at_us: int) -> None:
        """New rows."""
        rows = [
            {
                "transaction_id": number,
                "organization_id": self.organization_id,
                "records": one.records,
                "cost": str(one.cost),
                "charge": str(one.charge),
                "forgotten_at_us": at_us,
            }
            for number, one in sums.items()
        ]
        await self.connection.execute(insert(forgotten), rows)

    async def _is_ours(
        self, table: Table, column: ColumnElement[str], place: Place, word: str, *more: ColumnElement[bool]
    ) -> bool:
        this = select(column).where(table.c.budget_id == place.budget_id, table.c.start_us == place.start_us, *more)
        # A lock reads what is committed now, and not what was when this transaction began.
        return bool(await self.connection.scalar(this.with_for_update()) == word)

    async def _unique(self, statement: object, refusal: Exception) -> int:
        try:
            return (await self.connection.execute(statement)).rowcount  # type: ignore[call-overload, no-any-return]
        except IntegrityError as error:
            if is_duplicate(error):
                raise refusal from error
            raise
