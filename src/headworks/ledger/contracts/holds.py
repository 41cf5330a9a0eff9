"""What gateways hold of budgets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """What one gateway may still draw of a budget's period, or has drawn and not reported."""

    budget_id: str
    start_us: int
    source: str
    amount: int
    expires_at_us: int
    """When it is taken back, unless the gateway asks again before: a lease's term and a grace behind it."""
