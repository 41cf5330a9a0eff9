"""How much a budget authorises in a period: its amount, and the raises that count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.ledger.contracts import Budget, Period, Raise

LARGEST_BUDGET: Final = 10**18
"""A thousand million dollars: more is a slip of the pen, and sums of it stay far within 64 bits."""


def checked_amount(field: str, amount: int) -> int:
    """Raises Invalid."""
    if not 1 <= amount <= LARGEST_BUDGET:
        raise Invalid.field(
            field, "out_of_range", f"must be 1 to {LARGEST_BUDGET} nanodollars (a dollar is 1000000000)"
        )
    return amount


def authorized(budget: Budget, raises: Iterable[Raise], period: Period, at_us: int) -> int:
    """What may be spent in `period`, as of `at_us`: raises that ran out take their amount with them.

    In a period that is over, those count that counted at its end.
    """
    moment = at_us if period.end_us is None else min(at_us, period.end_us - 1)
    return budget.amount + sum(
        one.amount for one in raises if one.budget_id == budget.id and one.created_at_us <= moment < one.over_us
    )


def next_end(budget: Budget, raises: Iterable[Raise], at_us: int) -> int | None:
    """When the next raise of those that count runs out: what was told of the budget is wrong from then on."""
    ends = [one.over_us for one in raises if one.budget_id == budget.id and one.created_at_us <= at_us < one.over_us]
    return min(ends, default=None)
