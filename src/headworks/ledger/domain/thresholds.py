"""Alerts: at which part of a budget somebody wants to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.ledger.contracts import Counters

_MOST: Final = 10
_HIGHEST: Final = 1000
_WHOLE: Final = 100


def checked_thresholds(percents: Collection[int]) -> tuple[int, ...]:
    """Rising, each once. Raises Invalid."""
    if len(percents) > _MOST:
        raise Invalid.field("thresholds", "too_many", f"must be {_MOST} at most")
    if any(not 1 <= percent <= _HIGHEST for percent in percents):
        raise Invalid.field("thresholds", "out_of_range", f"must be percents, 1 to {_HIGHEST}")
    return tuple(sorted(set(percents)))


def crossed(thresholds: Collection[int], counters: Counters) -> tuple[int, ...]:
    """Those that what was spent has reached."""
    return tuple(
        percent for percent in thresholds if counters.spent * _WHOLE >= percent * counters.authorized and counters.spent
    )
