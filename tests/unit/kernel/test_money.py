from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.money import Nanodollars, format_usd, parse_usd, rate

units = st.integers(min_value=0, max_value=2**53)
prices = st.integers(min_value=0, max_value=10**15)


@given(st.lists(st.tuples(units, prices), max_size=12))
def test_a_cost_is_rounded_once_half_to_even(pairs: list[tuple[int, int]]) -> None:
    with localcontext() as context:
        context.prec = 80
        exact = sum((Decimal(n) * Decimal(price) for n, price in pairs), Decimal(0)) / Decimal(1_000_000)
        assert rate(pairs) == int(exact.to_integral_value(ROUND_HALF_EVEN))


@pytest.mark.parametrize(
    ("total", "expected"),
    [(0, 0), (499_999, 0), (500_000, 0), (500_001, 1), (1_500_000, 2), (2_500_000, 2), (-500_000, 0), (-1_500_000, -2)],
)
def test_halves_go_to_the_even_side(total: int, expected: int) -> None:
    assert rate([(total, 1)]) == expected


def test_parts_are_added_before_they_are_rounded() -> None:
    assert rate([(1, 400_000), (1, 400_000)]) == 1


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_dollars_are_read_as_they_are_written(amount: int) -> None:
    assert parse_usd(format_usd(Nanodollars(amount))) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (150, "0.00000015"), (1_500_000_000, "1.50"), (-1, "-0.000000001"), (10**9, "1.00")],
)
def test_an_amount_is_written_exactly(amount: int, text: str) -> None:
    assert format_usd(Nanodollars(amount)) == text


@pytest.mark.parametrize("text", ["", ".5", "1.", "1e3", "1,5", "0.0000000001", "NaN", "٣", "1 ", "+1", "9999999999"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_usd(text)
