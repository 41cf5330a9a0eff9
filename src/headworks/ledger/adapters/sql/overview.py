"""Look-ups over the whole installation: what is due somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from headworks.ledger.adapters.sql.rows import adjustment_of, hold_of, mark_up_of, raise_of
from headworks.ledger.adapters.sql.sums import exact_sum, summed
from headworks.ledger.adapters.tables import (
    accounts,
    adjustments,
    budgets,
    entries,
    holds,
    mark_ups,
    organizations,
    periods,
    raises,
    re_ratings,
)
from headworks.ledger.contracts import MarkUpBook

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.ledger.adapters.sql.outside import RecordTables
    from headworks.ledger.contracts import Adjustment, Hold, Raise

_AT_ONCE = 500


class SqlOverview:
    """The port `Overview` on an open connection."""

    def __init__(self, connection: AsyncConnection, records: RecordTables) -> None:
        self._connection = connection
        self._records = records

    async def organizations(self) -> list[str]:
        """By id."""
        found = select(organizations.c.organization_id).order_by(organizations.c.organization_id)
        return list((await self._connection.execute(found)).scalars())

    async def owner_of(self, budget_id: str) -> str | None:
        """Of a budget that was not removed."""
        found = select(budgets.c.organization_id).where(budgets.c.id == budget_id, budgets.c.live.is_(True))
        return await self._connection.scalar(found)

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's."""
        rows = (await self._connection.execute(select(mark_ups))).mappings()
        return MarkUpBook(mark_up_of(row) for row in rows)

    async def overdue_holds(self, at_us: int) -> list[tuple[str, Hold]]:
        """The longest overdue first."""
        overdue = select(holds).where(holds.c.expires_at_us <= at_us).order_by(holds.c.expires_at_us).limit(_AT_ONCE)
        return [(row["organization_id"], hold_of(row)) for row in (await self._connection.execute(overdue)).mappings()]

    async def holds_of(self, gateway: str) -> list[tuple[str, Hold]]:
        """In no order."""
        lives = select(holds).where(holds.c.source.startswith(gateway, autoescape=True))
        found = [(row["organization_id"], hold_of(row)) for row in (await self._connection.execute(lives)).mappings()]
        return [(owner, hold) for owner, hold in found if hold.gateway == gateway]

    async def counter_difference(self, at_us: int) -> int:
        """Of periods that run then."""
        running = or_(periods.c.end_us.is_(None), periods.c.end_us > at_us)
        same = and_(accounts.c.budget_id == periods.c.budget_id, accounts.c.period_start_us == periods.c.start_us)
        by = (accounts.c.budget_id, accounts.c.period_start_us, accounts.c.kind)
        entered = (
            select(*by, *exact_sum(entries.c.amount, "amount"))
            .join(entries, entries.c.account_id == accounts.c.id)
            .join(periods, same)
            .where(running)
            .group_by(*by)
        )
        rows = (await self._connection.execute(select(periods).where(running))).mappings().all()
        sums = (await self._connection.execute(entered)).mappings().all()
        found = {(row["budget_id"], row["period_start_us"], row["kind"]): summed(row, "amount") for row in sums}
        return sum(
            abs(row[kind] - sign * found.get((row["budget_id"], row["start_us"], kind), 0))
            for row in rows
            for kind, sign in (("authorized", -1), ("held", 1), ("spent", 1))
        )

    async def due_raises(self, at_us: int) -> list[tuple[str, Raise]]:
        """Of budgets that were not removed."""
        due = (
            select(raises)
            .join(budgets, budgets.c.id == raises.c.budget_id)
            .where(raises.c.ended_at_us.is_(None), raises.c.until_us <= at_us, budgets.c.live.is_(True))
            .limit(_AT_ONCE)
        )
        return [(row["organization_id"], raise_of(row)) for row in (await self._connection.execute(due)).mappings()]

    async def unsettled_owners(self) -> list[str]:
        """Usage knows."""
        return await self._records.unsettled_owners(self._connection)

    async def kept_from(self) -> int:
        """Usage knows."""
        return await self._records.kept_from(self._connection)

    async def adjusted(self, from_us: int, until_us: int) -> list[Adjustment]:
        """Along the index that begins with the organisation, of those that rated anything anew."""
        rated = (await self._connection.execute(select(re_ratings.c.organization_id).distinct())).scalars().all()
        if not rated:
            return []
        wanted = select(adjustments).where(
            adjustments.c.organization_id.in_(rated),
            adjustments.c.occurred_at_us >= from_us,
            adjustments.c.occurred_at_us < until_us,
        )
        return [adjustment_of(row) for row in (await self._connection.execute(wanted)).mappings()]

    async def imbalance(self) -> int:
        """What all entries add up to."""
        whole = select(func.count().label("entries"), *exact_sum(entries.c.amount, "amount"))
        return summed((await self._connection.execute(whole)).mappings().one(), "amount")
