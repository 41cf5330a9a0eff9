from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.catalog.contracts import Rates
from headworks.kernel.money import LARGEST_AMOUNT
from headworks.ledger.contracts import NOTHING, UNPRICED, Amounts, MarkUp, MarkUpBook, amounts_of

COUNTS = st.integers(0, 2**53)
RATES = st.integers(0, 10**15)
MARK_UPS = st.integers(-1_000_000, 100_000_000)


CASES = json.loads((Path(__file__).parents[2] / "support/charges.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_amounts_are_those_that_the_engine_computes(case: dict[str, Any]) -> None:
    found = amounts_of(case["units"], Rates(*case["rates"]), case["markup_ppm"], succeeded=case["succeeded"])
    # What no database holds has no amount here; a gateway, which must draw something, draws the most there is.
    assert found == (Amounts(case["cost"], case["charge"]) if case["charge"] < LARGEST_AMOUNT else UNPRICED)


def rates(*given_rates: int) -> Rates:
    return Rates(*(given_rates + (0,) * (12 - len(given_rates))))


def units(*given_units: int) -> tuple[int, ...]:
    return given_units + (0,) * (11 - len(given_units))


def cost(used: tuple[int, ...], at: Rates, *, succeeded: bool = True) -> int | None:
    return amounts_of(used, at, 0, succeeded=succeeded).cost


def test_what_has_no_price_is_unpriced_and_not_free() -> None:
    assert amounts_of(units(1), None, 0, succeeded=True) == UNPRICED
    assert amounts_of(units(1), None, 0, succeeded=False) == UNPRICED
    assert amounts_of(units(), None, 0, succeeded=True) == NOTHING


def test_a_charge_for_each_request_is_for_those_that_were_served() -> None:
    flat = rates(*[0] * 11, 3 * 10**6)
    assert cost(units(), flat) == 3
    assert cost(units(), flat, succeeded=False) == 0
    assert cost(units(1), flat, succeeded=False) == 3


def test_half_a_nanodollar_goes_to_the_even_side() -> None:
    for tokens, nanodollars in ((1, 0), (3, 2), (5, 2), (7, 4)):
        assert cost(units(tokens), rates(500_000)) == nanodollars


def test_a_charge_is_of_the_sum_before_it_was_rounded() -> None:
    # Half a nanodollar costs nothing when it is rounded, and with half of it on top it is three quarters.
    assert amounts_of(units(1), rates(500_000), 500_000, succeeded=True) == Amounts(0, 1)
    assert amounts_of(units(1), rates(10**6), -(10**6), succeeded=True) == Amounts(1, 0)
    assert amounts_of(units(3), rates(10**6), -500_000, succeeded=True) == Amounts(3, 2)


def test_what_no_database_holds_is_no_amount() -> None:
    assert amounts_of(units(2**53), rates(10**15), 0, succeeded=True) == UNPRICED
    assert amounts_of(units(2**53), rates(10**9), 0, succeeded=True).cost == 2**53 * 1000
    assert amounts_of(units(2**53), rates(10**9), 10**8, succeeded=True) == UNPRICED


@given(st.lists(COUNTS, min_size=11, max_size=11), st.lists(RATES, min_size=12, max_size=12), MARK_UPS, st.booleans())
def test_amounts_are_exact_and_rounded_once(
    used: list[int],
    given_rates: list[int],
    ppm: int,
    succeeded: bool,  # noqa: FBT001
) -> None:
    found = amounts_of(used, Rates(*given_rates), ppm, succeeded=succeeded)
    if not any(used) and not succeeded:
        assert found == NOTHING
        return
    pairs = zip(used, given_rates, strict=False)
    exact = sum((Fraction(n * p, 10**6) for n, p in pairs), Fraction(given_rates[-1], 10**6))
    amounts = round(exact), round(exact * (1 + Fraction(ppm, 10**6)))
    assert found == (Amounts(*amounts) if max(amounts) <= LARGEST_AMOUNT else UNPRICED)


def test_a_mark_up_holds_until_the_next_one() -> None:
    book = MarkUpBook(
        [MarkUp("b", "org_1", 20, 200, 0), MarkUp("a", "org_1", 10, 100, 0), MarkUp("c", "org_2", 7, 0, 0)]
    )
    at = book.timeline("org_1").at
    assert [at(when) for when in (99, 100, 199, 200, 2**62)] == [0, 10, 10, 20, 20]
    assert book.timeline("org_3").at(100) == 0
