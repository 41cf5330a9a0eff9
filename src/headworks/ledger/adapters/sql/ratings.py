"""Reads of closed periods, re-ratings and adjustments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from headworks.kernel.pagination import Page
from headworks.ledger.adapters.sql.bound import MOST_ASKED, Bound
from headworks.ledger.adapters.sql.rows import adjustment_of, closed_of, re_rating_of
from headworks.ledger.adapters.sql.sums import exact_sum, summed
from headworks.ledger.adapters.tables import SCOPE_COLUMNS, adjustments, closed_periods, re_ratings
from headworks.ledger.contracts import Sums

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Adjustment, ClosedPeriod, Period, ReRating

_AMOUNTS = ("cost_before", "cost_after", "charge_before", "charge_after")


class RatingReads(Bound):
    """The part of `Reading` that is about rating the past anew."""

    async def closed_periods(self) -> list[ClosedPeriod]:
        """By time."""
        wanted = self.mine(closed_periods).order_by(closed_periods.c.until_us)
        return [closed_of(row) for row in await self.rows(wanted)]

    async def re_ratings(self, page: PageRequest) -> Page[ReRating]:
        """The newest first."""
        mine = self.mine(re_ratings)
        total = await self.connection.scalar(select(func.count()).select_from(mine.subquery()))
        newest = mine.order_by(re_ratings.c.created_at_us.desc(), re_ratings.c.id.desc())
        found = await self.rows(newest.limit(page.per_page).offset(page.offset))
        return Page([re_rating_of(row) for row in found], total or 0, page)

    async def re_rating(self, re_rating_id: str) -> ReRating | None:
        """By id."""
        found = await self.rows(self.mine(re_ratings).where(re_ratings.c.id == re_rating_id))
        return re_rating_of(found[0]) if found else None

    async def latest_adjustments(self, records: Collection[int]) -> dict[int, Adjustment]:
        """By record."""
        found: dict[int, Adjustment] = {}
        asked = list(records)
        for start in range(0, len(asked), MOST_ASKED):
            part = asked[start : start + MOST_ASKED]
            wanted = self.mine(adjustments).where(adjustments.c.record_id.in_(part)).order_by(adjustments.c.number)
            # The later ones take the place of the earlier.
            found.update((row["record_id"], adjustment_of(row)) for row in await self.rows(wanted))
        return found

    async def adjustments_of(self, transactions: Collection[int]) -> list[Adjustment]:
        """In no order."""
        found: list[Adjustment] = []
        asked = list(transactions)
        for start in range(0, len(asked), MOST_ASKED):
            part = asked[start : start + MOST_ASKED]
            wanted = self.mine(adjustments).where(adjustments.c.transaction_id.in_(part))
            found += map(adjustment_of, await self.rows(wanted))
        return found

    async def adjusted(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """Of all adjustments: each says by how much it changed what was there before it."""
        amounts = (part for name in _AMOUNTS for part in exact_sum(func.coalesce(adjustments.c[name], 0), name))
        wanted = self.mine(adjustments, func.count().label("adjustments"), *amounts)
        wanted = wanted.where(adjustments.c.occurred_at_us >= period.start_us)
        if period.end_us is not None:
            wanted = wanted.where(adjustments.c.occurred_at_us < period.end_us)
        column = SCOPE_COLUMNS[scope]
        if column is not None:
            wanted = wanted.where(adjustments.c[column] == scope_id)
        (row,) = await self.rows(wanted)
        before = {name: summed(row, name) for name in _AMOUNTS}
        return Sums(
            row["adjustments"],
            before["cost_after"] - before["cost_before"],
            before["charge_after"] - before["charge_before"],
        )
