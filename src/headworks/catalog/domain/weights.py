"""Shares of traffic."""

from __future__ import annotations

from headworks.kernel.errors import Invalid

LARGEST_WEIGHT = 1000


def check_weight(weight: int, field: str) -> int:
    """Raises Invalid unless it is 1 to 1000. To take a deployment out of service, disable it."""
    if 1 <= weight <= LARGEST_WEIGHT:
        return weight
    raise Invalid.field(
        field, "out_of_range", f"must be 1 to {LARGEST_WEIGHT}; to send nothing there, disable the deployment"
    )
