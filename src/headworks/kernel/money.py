"""Money is an integer number of nanodollars, and prices are nanodollars per million units. No float ever touches it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Iterable

Nanodollars = NewType("Nanodollars", int)
"""A thousand-millionth of a US dollar."""

PER_DOLLAR = 1_000_000_000
UNITS_PER_PRICE = 1_000_000
"""A price buys this many units."""
LARGEST_AMOUNT = 2**63 - 1
"""Nine thousand million dollars: the most that a database's integer holds."""

_DECIMALS = 9
_USD = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,9}))?", re.ASCII)


def rate(units_and_prices: Iterable[tuple[int, int]]) -> Nanodollars:
    """What (units, nanodollars per million units) pairs cost together: rounded once, half to even."""
    return Nanodollars(half_to_even(sum(units * price for units, price in units_and_prices), UNITS_PER_PRICE))


def half_to_even(amount: int, parts: int) -> int:
    """`amount` divided by `parts`, which is positive and even, to the nearest whole number; a half goes to the even one."""
    quotient, remainder = divmod(amount, parts)
    half = parts // 2
    return quotient + (remainder > half or (remainder == half and quotient % 2 == 1))


def format_usd(amount: Nanodollars) -> str:
    """The exact amount in dollars, at least two decimals and no more than it needs: `1.50`, `0.00000015`."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), PER_DOLLAR)
    fraction = f"{rest:0{_DECIMALS}d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{fraction}"


def parse_usd(text: str) -> Nanodollars:
    """Read dollars written as a decimal, exactly. Raises ValueError beyond nine decimals or a thousand million dollars."""
    match = _USD.fullmatch(text)
    if match is None:
        message = f"{text!r} is not an amount in dollars; write digits with at most nine decimals, such as 0.15"
        raise ValueError(message)
    fraction = (match["fraction"] or "").ljust(_DECIMALS, "0")
    amount = int(match["whole"]) * PER_DOLLAR + int(fraction)
    return Nanodollars(-amount if match["sign"] else amount)
