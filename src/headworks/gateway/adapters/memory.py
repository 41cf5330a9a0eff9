"""The port `LeaseOffice` in memory: the twin of the ledger's, for tests and for a gateway without budgets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.dataplane.flow import Lease, Spent

if TYPE_CHECKING:
    from headworks.dataplane.flow import LeaseQuestion, ReturnQuestion

_TERM_MS = 60_000
_SLICES = 4
"""A grant beyond the need takes at most this part of what is left, so that slices shrink near the end."""


@dataclass
class MemoryLeaseOffice:
    """Budgets by id, for one period each. Nothing is ever settled here."""

    amounts: dict[str, int] = field(default_factory=dict)
    held: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """See the port."""
        amount = self.amounts.get(wanted.budget_id, 0)
        held = self.held[wanted.budget_id]
        left = amount - held
        if wanted.need > left:
            return Spent(amount, 0, held, None)
        granted = max(wanted.need, min(wanted.want, left // _SLICES))
        self.held[wanted.budget_id] += granted
        return Lease(granted, _TERM_MS, left - granted)

    async def take_back(self, returned: ReturnQuestion) -> None:
        """See the port."""
        self.held[returned.budget_id] -= min(returned.amount, self.held[returned.budget_id])
