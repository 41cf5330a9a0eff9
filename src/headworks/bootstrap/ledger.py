"""Where the ledger's figures show, and where it is told that a budget nears its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.kernel.telemetry.metrics import Metrics
    from headworks.ledger.contracts import ThresholdCrossed
    from headworks.ledger.tasks import Keeper

_log = logger(__name__)


def tell(event: ThresholdCrossed) -> None:
    """In the log, for whoever watches it; the API keeps it beside the budget."""
    alert = event.alert
    _log.warning(
        "budget threshold crossed",
        organization_id=event.organization_id,
        budget_id=alert.place.budget_id,
        percent=alert.percent,
        spent_usd=format_usd(Nanodollars(alert.spent)),
        authorized_usd=format_usd(Nanodollars(alert.authorized)),
    )


class LedgerMetrics:
    """Figures that are zero, always, and how many records were forgotten."""

    def __init__(self, metrics: Metrics, keeper: Keeper) -> None:
        metrics.show(
            "headworks_ledger_imbalance_nanodollars",
            "What all entries of the ledger add up to: zero, or the ledger is damaged.",
            lambda: keeper.imbalance,
        )
        metrics.show(
            "headworks_ledger_counter_difference_nanodollars",
            "By how much counters of running budget periods differ from what the entries say: zero.",
            lambda: keeper.counter_difference,
        )
        metrics.show(
            "headworks_ledger_unforgettable_organizations",
            "Organisations whose old usage records stay, since they are not what their settlements entered: zero.",
            lambda: keeper.unforgettable,
        )
        metrics.show(
            "headworks_ledger_forgotten_records", "Usage records forgotten since the start.", lambda: keeper.forgotten
        )
