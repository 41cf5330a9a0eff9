"""What the ledger is given from elsewhere: who is there to have a budget, and where its figures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Gauge

if TYPE_CHECKING:
    from headworks.catalog.facade import CatalogFacade
    from headworks.identity.facade import IdentityFacade
    from headworks.kernel.telemetry.metrics import Metrics
    from headworks.ledger.contracts import Scope
    from headworks.ledger.tasks import Keeper


@dataclass(frozen=True, slots=True)
class WhatThereIs:
    """The ledger's port `ScopeNames`."""

    identity: IdentityFacade
    catalog: CatalogFacade

    async def has(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        """Raises Unavailable."""
        if scope == "model":
            return await self.catalog.routes_for(organization_id, scope_id) is not None
        return await self.identity.has(organization_id, scope, scope_id)


class LedgerMetrics:
    """Two figures that are zero, always."""

    def __init__(self, metrics: Metrics, keeper: Keeper) -> None:
        imbalance = Gauge(
            "headworks_ledger_imbalance_nanodollars",
            "What all entries of the ledger add up to: zero, or the ledger is damaged.",
            registry=metrics.registry,
        )
        imbalance.set_function(lambda: keeper.imbalance)
        difference = Gauge(
            "headworks_ledger_counter_difference_nanodollars",
            "By how much counters of running budget periods differ from what the entries say: zero.",
            registry=metrics.registry,
        )
        difference.set_function(lambda: keeper.counter_difference)
