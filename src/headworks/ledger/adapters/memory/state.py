"""All that a ledger in memory holds. Keys bear the organisation, as rows do."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headworks.kernel.trail import MemoryTrail

if TYPE_CHECKING:
    from headworks.ledger.contracts import (
        Account,
        Adjustment,
        Alert,
        Budget,
        ClosedPeriod,
        Counters,
        Entry,
        Hold,
        MarkUp,
        Place,
        Raise,
        ReRating,
        Sums,
        Transaction,
    )


@dataclass
class State:
    """A transaction works on a copy."""

    revisions: dict[str, int] = field(default_factory=dict)
    accounts: dict[Account, int] = field(default_factory=dict)
    transactions: dict[int, Transaction] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    budgets: dict[str, Budget] = field(default_factory=dict)
    raises: dict[str, Raise] = field(default_factory=dict)
    counters: dict[Place, Counters] = field(default_factory=dict)
    holds: dict[tuple[Place, str], Hold] = field(default_factory=dict)
    alerts: dict[tuple[Place, int], Alert] = field(default_factory=dict)
    mark_ups: dict[str, MarkUp] = field(default_factory=dict)
    closed_periods: list[ClosedPeriod] = field(default_factory=list)
    re_ratings: dict[str, ReRating] = field(default_factory=dict)
    adjustments: dict[tuple[int, int], tuple[str, Adjustment]] = field(default_factory=dict)
    forgotten: dict[int, tuple[str, Sums]] = field(default_factory=dict)
    trail: MemoryTrail = field(default_factory=lambda: MemoryTrail("ledger"))

    def copied(self) -> State:
        """To be changed alone."""
        things = {name: copy(thing) for name, thing in vars(self).items() if name != "trail"}
        return State(**things, trail=self.trail.copy())
