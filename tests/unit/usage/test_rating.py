from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.catalog.contracts import Rates
from headworks.usage.domain.intake import Intake
from headworks.usage.domain.rating import LARGEST_COST, cost
from headworks.usage.domain.rows import BUCKETS
from tests.unit.usage.conftest import NOON, NOON_US, book, event, price

YEAR = timedelta(days=365)
COUNTS = st.integers(0, 2**53)
RATES = st.integers(0, 10**15)


def rated(**changes: object) -> tuple[int | None, str | None]:
    """Cost and price of an event."""
    old = price("old", NOON - YEAR, NOON, 10**6)
    new = price("new", NOON, None, 2 * 10**6)
    subject, own = Intake(book(old, new), NOON_US).take(event(**{"output_tokens": 0, "reasoning_tokens": 0, **changes}))
    return own[-2], subject.price_id


def test_buckets_and_rates_go_together() -> None:
    names = [bucket.removesuffix("_tokens") for bucket in BUCKETS]
    assert (*names, "requests") == Rates._fields


CASES = json.loads((Path(__file__).parents[2] / "support/charges.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_costs_are_those_that_the_engine_computes(case: dict[str, Any]) -> None:
    found = price("prc_1", NOON, None, *case["rates"])
    assert cost(case["units"], found, succeeded=case["succeeded"]) == case["cost"]


def test_the_price_is_the_one_that_held_when_it_happened() -> None:
    assert rated(occurred_at_us=NOON_US - 1) == (100, "old")
    assert rated(occurred_at_us=NOON_US) == (200, "new")


def test_what_has_no_price_is_unpriced_and_not_free() -> None:
    assert rated(upstream_model="other") == (None, None)
    assert rated(provider_id="other") == (None, None)


def test_what_used_nothing_costs_nothing() -> None:
    nothing = dict.fromkeys(BUCKETS, 0)
    assert rated(**nothing, outcome="upstream_error", upstream_model="other") == (0, None)
    assert rated(**nothing, upstream_model="other") == (0, None)


def test_a_charge_for_each_request_is_for_those_that_were_served() -> None:
    flat = price("flat", datetime(2020, 1, 1, tzinfo=UTC), None, *[0] * 11, 3 * 10**6)
    nothing = (0,) * len(BUCKETS)
    assert cost(nothing, flat, succeeded=True) == 3
    assert cost(nothing, flat, succeeded=False) == 0
    assert cost((1, *nothing[1:]), flat, succeeded=False) == 3


def test_half_a_nanodollar_goes_to_the_even_side() -> None:
    for tokens, nanodollars in ((1, 0), (3, 2), (5, 2), (7, 4)):
        half = price("half", NOON, None, 500_000)
        assert cost((tokens, *[0] * 10), half, succeeded=True) == nanodollars


def test_a_cost_that_no_database_holds_is_no_cost() -> None:
    dear = price("dear", NOON, None, 10**15)
    assert cost((2**53, *[0] * 10), dear, succeeded=True) is None
    assert cost((1, *[0] * 10), dear, succeeded=True) == 10**9


@given(st.lists(COUNTS, min_size=11, max_size=11), st.lists(RATES, min_size=12, max_size=12), st.booleans())
def test_a_cost_is_exact_and_rounded_once(units: list[int], rates: list[int], succeeded: bool) -> None:  # noqa: FBT001
    found = cost(units, price("x", NOON, None, *rates), succeeded=succeeded)
    if not any(units) and not succeeded:
        assert found == 0
        return
    exact = sum((Fraction(n * p, 10**6) for n, p in zip(units, rates, strict=False)), Fraction(rates[-1], 10**6))
    rounded = round(exact)
    assert found == (rounded if rounded <= LARGEST_COST else None)
