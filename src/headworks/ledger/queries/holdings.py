"""Who holds what of which budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.ledger.domain.periods import calendar_of

if TYPE_CHECKING:
    from headworks.ledger.contracts import Budget, Hold, Period
    from headworks.ledger.ports import Reading


@dataclass(frozen=True, slots=True)
class Holding:
    """A hold, and what it is of."""

    hold: Hold
    budget: Budget
    period: Period


async def holdings(reading: Reading, gateway: str | None = None, budget_id: str | None = None) -> list[Holding]:
    """Of one gateway, of one budget, or all of them; by the budget's name, period and gateway."""
    budgets = {one.id: one for one in await reading.budgets()}
    found = [
        Holding(hold, budgets[hold.budget_id], calendar_of(budgets[hold.budget_id]).around(hold.start_us))
        for hold in await reading.all_holds()
        if gateway in (None, hold.gateway) and budget_id in (None, hold.budget_id) and hold.budget_id in budgets
    ]
    return sorted(found, key=lambda one: (one.budget.name, one.budget.id, one.hold.start_us, one.hold.source))
