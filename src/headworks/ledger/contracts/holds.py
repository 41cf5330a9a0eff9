"""What gateways hold of budgets."""

from __future__ import annotations

from dataclasses import dataclass

from headworks.dataplane.flow import gateway_of


@dataclass(frozen=True, slots=True)
class Hold:
    """What one life of a gateway may still draw of a budget's period, or has drawn and not reported."""

    budget_id: str
    start_us: int
    source: str
    """Which life of which gateway: what one borrowed and had not reported when it died is not what the next one may draw."""
    amount: int
    expires_at_us: int
    """When it is taken back, unless the gateway asks again before: a lease's term and a grace behind it."""

    @property
    def gateway(self) -> str:
        """In whatever life."""
        return gateway_of(self.source)
