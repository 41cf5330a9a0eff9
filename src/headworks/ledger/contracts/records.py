"""What usage tells the ledger of its records. They stay usage's: the ledger adds adjustments, and changes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Use(NamedTuple):
    """Records that have just been stored, to be settled: those of one minute that share all of this."""

    organization_id: str
    project_id: str
    key_id: str
    user_id: str
    model: str
    provider_id: str
    source: str
    budgets: str
    """What they drew from, as the gateway says: `bud_a@<period_start_us>,bud_b@…#<life>`."""
    drawn: int
    """Nanodollars that they drew from each of them."""
    occurred_at_us: int
    """Anywhere in their minute: in every time zone a budget's period begins with one."""
    cost: int
    """Nanodollars. What has no price is not known, and is not guessed."""
    charge: int


class RatedRecord(NamedTuple):
    """A stored record with what rating takes, and the amounts that it was stored with."""

    number: int
    project_id: str
    key_id: str
    user_id: str
    model: str
    provider_id: str
    upstream_model: str
    succeeded: bool
    occurred_at_us: int
    units: tuple[int, ...]
    """By bucket, in the order of `catalog.contracts.Rates`."""
    price_id: str | None
    cost: int | None
    charge: int | None
    transaction: int | None
    """Which settled it; None for one that is older than the ledger."""


@dataclass(frozen=True, slots=True)
class RecordRange:
    """Which records, by when their requests began; None takes all."""

    from_us: int
    until_us: int | None = None
    """Not included."""
    provider_id: str | None = None
    model: str | None = None
    upstream_model: str | None = None


class Sums(NamedTuple):
    """What some records come to."""

    records: int = 0
    cost: int = 0
    charge: int = 0


@dataclass(frozen=True, slots=True)
class RecordSum:
    """What the records of one transaction, key and provider add up to, as they were stored."""

    transaction: int
    project_id: str
    key_id: str
    provider_id: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A record that was rated anew: what it was, and what it is since. The record itself stays as it is."""

    record: int
    number: int
    """Counts the record's adjustments, from 1."""
    re_rating_id: str
    transaction: int
    project_id: str
    key_id: str
    user_id: str
    model: str
    provider_id: str
    occurred_at_us: int
    cost_before: int | None
    cost_after: int | None
    charge_before: int | None
    charge_after: int | None
    price_id: str | None


@dataclass(frozen=True, slots=True)
class ReRating:
    """One run over past records, and what it changed."""

    id: str
    organization_id: str
    wanted: RecordRange
    created_at_us: int
    records: int
    """How many were looked at."""
    adjusted: int
    """How many of them come to something else now."""
    cost_before: int
    """Of all of them, in nanodollars; those without a price count as nothing."""
    cost_after: int
    charge_before: int
    charge_after: int


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """Usage that has been invoiced: what was charged for it changes no more."""

    id: str
    organization_id: str
    from_us: int | None
    """None for the first: from the beginning."""
    until_us: int
    closed_at_us: int
    sums: Sums
    """As they stood then. What arrives later is in the ledger, and in none of these."""
