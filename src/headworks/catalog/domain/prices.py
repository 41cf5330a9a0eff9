"""Rules of the price book: which rates are complete, and how a new price takes its place among the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.catalog.contracts import Price, Rates
from headworks.catalog.errors import PricesOverlap
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

LARGEST_RATE = 10**15
"""A million dollars per million units: more is a slip of the pen, and keeps every cost within 64 bits."""

_PARENTS = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "input_audio": "input",
    "input_image": "input",
    "reasoning": "output",
    "output_audio": "output",
}
"""Who lends its rate to a bucket without one. In this order, since a parent may itself have borrowed."""


def complete(given: Mapping[str, int]) -> Rates:
    """All rates from those that somebody wrote down; what has no parent costs nothing.

    Raises Invalid on a rate that is negative, absurd or of an unknown bucket, and when there is none at all.
    """
    if not given:
        raise Invalid.field("rates", "missing", "must hold at least one rate, such as input")
    for bucket, rate in given.items():
        if bucket not in Rates._fields:
            known = ", ".join(Rates._fields)
            raise Invalid.field(f"rates.{bucket}", "unknown", f"there is no such rate; there are {known}")
        if not 0 <= rate <= LARGEST_RATE:
            raise Invalid.field(
                f"rates.{bucket}",
                "out_of_range",
                f"must be 0 to {LARGEST_RATE} nanodollars per million units (a dollar is 1000000000)",
            )
    rates = dict(given)
    for bucket, parent in _PARENTS.items():
        rates.setdefault(bucket, rates.get(parent, 0))
    return Rates(*(rates.get(bucket, 0) for bucket in Rates._fields))


def check_period(valid_from: datetime, valid_to: datetime | None) -> None:
    """Raises Invalid when the price would never hold."""
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid.field("valid_to", "out_of_order", "must be later than valid_from")


def predecessor_to_end(new: Price, others: Iterable[Price]) -> Price | None:
    """The price without an end that `new` takes over from, or None.

    `others` are the prices of the same owner, provider and model. Raises PricesOverlap when `new` would hold at a
    time for which another price, with an end of its own or a later begin, is set.
    """
    ended: Price | None = None
    for other in others:
        if not _overlap(new, other):
            continue
        if other.valid_to is None and other.valid_from < new.valid_from:
            ended = other
            continue
        raise PricesOverlap(other)
    return ended


def _overlap(one: Price, other: Price) -> bool:
    begins_in_time = other.valid_to is None or one.valid_from < other.valid_to
    ends_late = one.valid_to is None or other.valid_from < one.valid_to
    return begins_in_time and ends_late
