"""Tell of thresholds that were crossed, each once in a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.ledger.contracts import Alert, ThresholdCrossed
from headworks.ledger.domain.thresholds import crossed

if TYPE_CHECKING:
    from headworks.ledger.contracts import Budget, Counters
    from headworks.ledger.ports import Unit


async def tell_crossings(unit: Unit, budget: Budget, before: Counters | None, after: Counters, at_us: int) -> None:
    """Those that `after` has reached and `before` had not; none was reached before there was anything."""
    known = () if before is None else crossed(budget.thresholds, before)
    for percent in crossed(budget.thresholds, after):
        if percent in known:
            continue
        alert = Alert(after.place, percent, after.spent, after.authorized, at_us)
        if await unit.add_alert(alert):
            unit.publish(ThresholdCrossed(unit.organization_id, alert))
