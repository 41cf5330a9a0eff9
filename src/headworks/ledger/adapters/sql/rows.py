"""From rows to values, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from headworks.ledger.contracts import (
    Account,
    Adjustment,
    Alert,
    Budget,
    ClosedPeriod,
    Counters,
    Hold,
    MarkUp,
    Place,
    Raise,
    RecordRange,
    ReRating,
    Sums,
    Transaction,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

Columns: TypeAlias = dict[str, Any]

_BUDGET = (
    "id",
    "organization_id",
    "name",
    "scope",
    "scope_id",
    "period",
    "time_zone",
    "anchor",
    "amount",
    "hard",
    "created_at_us",
    "removed_at_us",
    "version",
)
_RAISE = ("id", "budget_id", "amount", "created_at_us", "until_us", "ended_at_us")
_RANGE = ("from_us", "until_us", "provider_id", "model", "upstream_model")
_SUMS = ("cost_before", "cost_after", "charge_before", "charge_after")
_COUNTS = ("records", "adjusted")


def budget_of(row: RowMapping) -> Budget:
    """A row of `budgets`."""
    thresholds = tuple(int(percent) for percent in row["thresholds"].split(",") if percent)
    return Budget(**{name: row[name] for name in _BUDGET}, thresholds=thresholds)


def budget_columns(budget: Budget) -> Columns:
    """The row."""
    columns = {name: getattr(budget, name) for name in _BUDGET}
    live = True if budget.removed_at_us is None else None
    return {**columns, "thresholds": ",".join(map(str, budget.thresholds)), "live": live}


def raise_of(row: RowMapping) -> Raise:
    """A row of `raises`."""
    return Raise(**{name: row[name] for name in _RAISE})


def raise_columns(one: Raise) -> Columns:
    """The row, without its organisation."""
    return {name: getattr(one, name) for name in _RAISE}


def counters_of(row: RowMapping) -> Counters:
    """A row of `periods`."""
    place = Place(row["budget_id"], row["start_us"])
    return Counters(place, row["end_us"], row["authorized"], row["held"], row["spent"])


def hold_of(row: RowMapping) -> Hold:
    """A row of `holds`."""
    return Hold(row["budget_id"], row["start_us"], row["source"], row["amount"], row["expires_at_us"])


def alert_of(row: RowMapping) -> Alert:
    """A row of `alerts`."""
    place = Place(row["budget_id"], row["start_us"])
    return Alert(place, row["percent"], row["spent"], row["authorized"], row["crossed_at_us"])


def mark_up_of(row: RowMapping) -> MarkUp:
    """A row of `mark_ups`."""
    return MarkUp(row["id"], row["organization_id"], row["ppm"], row["valid_from_us"], row["created_at_us"])


def account_of(row: RowMapping) -> Account:
    """A row of `accounts`."""
    return Account(*(row[name] for name in Account._fields))


def transaction_of(row: RowMapping) -> Transaction:
    """A row of `transactions`."""
    return Transaction(row["id"], row["organization_id"], row["kind"], row["at_us"], row["reference"])


def closed_of(row: RowMapping) -> ClosedPeriod:
    """A row of `closed_periods`."""
    sums = Sums(row["records"], int(row["cost"]), int(row["charge"]))
    return ClosedPeriod(row["id"], row["organization_id"], row["from_us"], row["until_us"], row["closed_at_us"], sums)


def closed_columns(one: ClosedPeriod) -> Columns:
    """The row."""
    return {
        "id": one.id,
        "organization_id": one.organization_id,
        "from_us": one.from_us,
        "until_us": one.until_us,
        "closed_at_us": one.closed_at_us,
        "records": one.sums.records,
        "cost": str(one.sums.cost),
        "charge": str(one.sums.charge),
    }


def re_rating_of(row: RowMapping) -> ReRating:
    """A row of `re_ratings`."""
    wanted = RecordRange(**{name: row[name] for name in _RANGE})
    figures = {name: row[name] for name in _COUNTS} | {name: int(row[name]) for name in _SUMS}
    return ReRating(row["id"], row["organization_id"], wanted, row["created_at_us"], **figures)


def re_rating_columns(done: ReRating) -> Columns:
    """The row."""
    return {
        "id": done.id,
        "organization_id": done.organization_id,
        "created_at_us": done.created_at_us,
        **{name: getattr(done.wanted, name) for name in _RANGE},
        **{name: getattr(done, name) for name in _COUNTS},
        **{name: str(getattr(done, name)) for name in _SUMS},
    }


_RENAMED = {"record": "record_id", "transaction": "transaction_id"}
_ADJUSTMENT = {name: _RENAMED.get(name, name) for name in Adjustment.__slots__}


def adjustment_of(row: RowMapping) -> Adjustment:
    """A row of `adjustments`."""
    return Adjustment(**{name: row[column] for name, column in _ADJUSTMENT.items()})


def adjustment_columns(one: Adjustment) -> Columns:
    """The row, without its organisation."""
    return {column: getattr(one, name) for name, column in _ADJUSTMENT.items()}
