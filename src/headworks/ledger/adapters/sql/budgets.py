"""Reads of budgets and what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, tuple_

from headworks.ledger.adapters.sql.bound import MOST_ASKED, Bound
from headworks.ledger.adapters.sql.rows import alert_of, budget_of, counters_of, hold_of, mark_up_of, raise_of
from headworks.ledger.adapters.tables import alerts, budgets, holds, mark_ups, organizations, periods, raises
from headworks.ledger.contracts import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.ledger.adapters.sql.bound import AnySelect
    from headworks.ledger.contracts import Alert, Budget, Counters, Hold, MarkUp, Raise


class BudgetReads(Bound):
    """The part of `Reading` that is about budgets."""

    async def revision(self) -> int:
        """0 before the first change."""
        return await self.connection.scalar(self.mine(organizations, organizations.c.revision)) or 0

    async def budgets(self) -> list[Budget]:
        """By age."""
        return await live_budgets(self.connection, [self.organization_id])

    async def budget(self, budget_id: str) -> Budget | None:
        """By id."""
        found = await self.rows(self._live().where(budgets.c.id == budget_id))
        return budget_of(found[0]) if found else None

    async def raises(self) -> list[Raise]:
        """By age."""
        wanted = self.mine(raises).order_by(raises.c.created_at_us, raises.c.id)
        return [raise_of(row) for row in await self.rows(wanted)]

    async def counters(self, places: Collection[Place]) -> dict[Place, Counters]:
        """Of those that have been opened."""
        return await self._counters(places, lock=False)

    async def periods(self, after: Place | None, limit: int) -> list[Counters]:
        """In the order of their places."""
        wanted = self.mine(periods).order_by(periods.c.budget_id, periods.c.start_us).limit(limit)
        if after is not None:
            same = and_(periods.c.budget_id == after.budget_id, periods.c.start_us > after.start_us)
            wanted = wanted.where(or_(periods.c.budget_id > after.budget_id, same))
        return [counters_of(row) for row in await self.rows(wanted)]

    async def holds(self, place: Place) -> list[Hold]:
        """By source."""
        wanted = self.mine(holds).where(holds.c.budget_id == place.budget_id, holds.c.start_us == place.start_us)
        return [hold_of(row) for row in await self.rows(wanted.order_by(holds.c.source))]

    async def all_holds(self) -> list[Hold]:
        """In no order."""
        return [hold_of(row) for row in await self.rows(self.mine(holds))]

    async def places_held(self, budget_id: str) -> list[Place]:
        """Each once."""
        wanted = self.mine(holds, holds.c.budget_id, holds.c.start_us).where(holds.c.budget_id == budget_id).distinct()
        return [Place(row["budget_id"], row["start_us"]) for row in await self.rows(wanted)]

    async def alerts(self, place: Place) -> list[Alert]:
        """The lowest first."""
        wanted = self.mine(alerts).where(alerts.c.budget_id == place.budget_id, alerts.c.start_us == place.start_us)
        return [alert_of(row) for row in await self.rows(wanted.order_by(alerts.c.percent))]

    async def mark_ups(self) -> list[MarkUp]:
        """By when they begin."""
        return [mark_up_of(row) for row in await self.rows(self.mine(mark_ups).order_by(mark_ups.c.valid_from_us))]

    async def _counters(self, places: Collection[Place], *, lock: bool) -> dict[Place, Counters]:
        found: dict[Place, Counters] = {}
        # In one order for all writers, so that two of them never wait for each other.
        wanted = sorted(places)
        for start in range(0, len(wanted), MOST_ASKED):
            part = wanted[start : start + MOST_ASKED]
            statement = (
                select(periods)
                .where(
                    periods.c.organization_id == self.organization_id,
                    tuple_(periods.c.budget_id, periods.c.start_us).in_(part),
                )
                .order_by(periods.c.budget_id, periods.c.start_us)
            )
            if lock:
                statement = statement.with_for_update()
            for row in await self.rows(statement):
                counters = counters_of(row)
                found[counters.place] = counters
        return found

    def _live(self) -> AnySelect:
        return self.mine(budgets).where(budgets.c.live.is_(True))


async def live_budgets(connection: AsyncConnection, owners: Sequence[str]) -> list[Budget]:
    """Those of a few organisations that were not removed, by age."""
    live = select(budgets).where(budgets.c.organization_id.in_(owners), budgets.c.live.is_(True))
    rows = (await connection.execute(live.order_by(budgets.c.created_at_us, budgets.c.id))).mappings()
    return [budget_of(row) for row in rows]
