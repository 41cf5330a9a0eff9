"""What an event costs: one multiplication for each bucket, one rounding for the whole record, half to even."""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING, Final

from headworks.kernel.money import UNITS_PER_PRICE, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.catalog.contracts import Price

LARGEST_COST: Final = 2**63 - 1
"""Nine thousand million dollars: the most that a database's integer holds."""


def cost(units: Sequence[int], price: Price | None, *, succeeded: bool) -> int | None:
    """Nanodollars for `units` by bucket; None when something was used that has no price.

    What used nothing and failed costs nothing, a charge for each request included.
    """
    used = any(units)
    if not used and not succeeded:
        return 0
    if price is None:
        return None if used else 0
    rates = price.rates
    # `map` ends with the shorter one: the rate for each request, which comes last, meets no bucket.
    total = sum(map(mul, units, rates)) + rates.requests
    amount, rest = divmod(total, UNITS_PER_PRICE)
    if rest:
        amount = rate(((total, 1),))
    return amount if amount <= LARGEST_COST else None
