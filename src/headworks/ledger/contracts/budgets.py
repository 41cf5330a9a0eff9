"""Budgets as others see them: what they are of, how much, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from headworks.dataplane.flow import Budget as FlowBudget
    from headworks.kernel.scopes import Scope

PeriodKind = Literal["day", "week", "month", "total"]
"""total: from the first request on, and for ever."""


class Place(NamedTuple):
    """One period of one budget."""

    budget_id: str
    start_us: int
    """UTC microseconds; 0 for a total."""


class Period(NamedTuple):
    """From `start_us` (included) until `end_us` (not included), in UTC microseconds."""

    start_us: int
    end_us: int | None
    """None for a total."""

    def holds(self, at_us: int) -> bool:
        """Whether that moment is in it."""
        return self.start_us <= at_us and (self.end_us is None or at_us < self.end_us)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be charged in each period."""

    id: str
    organization_id: str
    name: str
    scope: Scope
    scope_id: str
    """The id of the organisation, project, key or user; the name of the model."""
    period: PeriodKind
    time_zone: str
    """Whose midnights begin a period, as the IANA database calls it: `Europe/Berlin`."""
    anchor: int
    """Day of the week (1 is Monday) or of the month on which a period begins; 1 for the others."""
    amount: int
    """Nanodollars in each period, without raises."""
    hard: bool
    """Whether requests are refused when it is spent; a soft one is only told of."""
    thresholds: tuple[int, ...]
    """Percent of what is authorised, rising, at which somebody is told."""
    created_at_us: int
    removed_at_us: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Raise:
    """More for a while."""

    id: str
    budget_id: str
    amount: int
    created_at_us: int
    until_us: int
    ended_at_us: int | None = None
    """When it was taken back before its time."""

    @property
    def over_us(self) -> int:
        """From when on it counts no more."""
        return self.until_us if self.ended_at_us is None else min(self.until_us, self.ended_at_us)


@dataclass(frozen=True, slots=True)
class Counters:
    """How a budget stands in one period, in nanodollars. A cache of the ledger's entries."""

    place: Place
    end_us: int | None
    authorized: int
    held: int
    """What gateways may still draw, or have drawn and not reported."""
    spent: int

    @property
    def available(self) -> int:
        """What can still be granted; below zero where more was spent than authorised."""
        return self.authorized - self.held - self.spent


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold that was crossed; each is told once in a period."""

    place: Place
    percent: int
    spent: int
    authorized: int
    crossed_at_us: int


@dataclass(frozen=True, slots=True)
class InForce:
    """What money says of requests of one kind, for their flow."""

    budgets: tuple[FlowBudget, ...]
    """That they draw from, the narrowest scope first."""
    markup_ppm: int
    until_us: int | None
    """When any of this will be different by itself: a period or a raise ends, another mark-up begins. None for never."""
    age_ms: int = 0
    """How long ago it was last known to be true. Above zero only while the store cannot be asked."""
