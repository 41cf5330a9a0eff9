"""What a gateway asks of a budget, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeaseWish:
    """More of a budget's period, for one gateway."""

    source: str
    """The gateway, by the name of its spool."""
    budget_id: str
    period_start_us: int
    need: int
    """Nanodollars that the waiting request lacks."""
    want: int
    """What would be handy."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease: `amount` may be drawn within the term, and what is not drawn comes back."""

    amount: int
    term_ms: int
    remaining: int
    """What can still be granted to others."""


@dataclass(frozen=True, slots=True)
class Spent:
    """There is not as much as was needed."""

    amount: int
    """Authorised in this period, raises included."""
    spent: int
    held: int
    resets_at_us: int | None
    """When the next period begins; None for a total."""
    hard: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """What one gateway may still draw of a budget's period, or has drawn and not reported."""

    budget_id: str
    start_us: int
    source: str
    amount: int
    expires_at_us: int
    """When it is taken back, unless it is made larger before: a lease's term and a grace behind it."""
