"""Shares of traffic."""

from __future__ import annotations

from headworks.kernel.errors import Invalid

LARGEST_WEIGHT = 1000


def check_weight(weight: int, field: str) -> int:
    """Raises Invalid unless it is 0 to 1000. At 0 a target is tried only when those with a share have failed."""
    if 0 <= weight <= LARGEST_WEIGHT:
        return weight
    raise Invalid.field(field, "out_of_range", f"must be 0 (only when the others fail) to {LARGEST_WEIGHT}")
