from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.catalog.adapters.shipped import shipped_prices
from headworks.catalog.contracts import Price, PriceBook, Rates
from headworks.catalog.domain import addresses
from headworks.catalog.domain.prices import LARGEST_RATE, check_period, complete, predecessor_to_end
from headworks.catalog.errors import PricesOverlap
from headworks.kernel.errors import Invalid

START = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def price(name: str, begin: int, end: int | None = None, owner: str = "org_1") -> Price:
    return Price(
        id=name,
        owner=owner,
        provider="openai",
        model="gpt",
        rates=complete({"input": 1}),
        valid_from=day(begin),
        valid_to=None if end is None else day(end),
        source="",
        as_of=date(2026, 1, 1),
        created_at=START,
    )


def book(*prices: Price) -> PriceBook:
    by_owner: dict[tuple[str, str, str], tuple[Price, ...]] = {}
    for one in prices:
        key = (one.owner, one.provider, one.model)
        by_owner[key] = (*by_owner.get(key, ()), one)
    return PriceBook(by_owner, {"prv": (("org_1", "openai"), ("shipped", "openai"))}, 1)


def test_what_is_left_out_follows_from_its_parent() -> None:
    assert complete({"input": 3, "output": 5}) == Rates(3, 3, 3, 3, 3, 3, 5, 5, 5, 0, 0, 0)
    assert complete({"input": 8, "cache_read": 1, "cache_write_5m": 9}) == Rates(8, 1, 9, 9, 8, 8, 0, 0, 0, 0, 0, 0)
    assert complete({"milliseconds": 7, "requests": 2, "images": 4}) == Rates(0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 7, 2)


@pytest.mark.parametrize("rates", [{}, {"input": -1}, {"input": LARGEST_RATE + 1}, {"tokens": 1}])
def test_rates_that_make_no_price(rates: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        complete(rates)


def test_a_price_must_begin_before_it_ends() -> None:
    check_period(day(0), None)
    check_period(day(0), day(1))
    for end in (day(0), day(-1)):
        with pytest.raises(Invalid):
            check_period(day(0), end)


def test_a_new_price_ends_the_open_one() -> None:
    open_one = price("old", 0)
    assert predecessor_to_end(price("new", 5), [price("older", -5, 0), open_one]) == open_one
    assert predecessor_to_end(price("new", 5, 9), [open_one]) == open_one
    assert predecessor_to_end(price("new", 5), [price("old", 0, 5)]) is None
    assert predecessor_to_end(price("new", -5, 0), [open_one]) is None


@pytest.mark.parametrize(
    "other", [price("x", 5), price("x", 7), price("x", 0, 6), price("x", 6, 7), price("x", 0, 99), price("x", 5, 6)]
)
def test_prices_do_not_overlap(other: Price) -> None:
    with pytest.raises(PricesOverlap) as refused:
        predecessor_to_end(price("new", 5), [other])
    assert "x" in refused.value.message


@given(st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(1, 30)), max_size=12), st.integers(-1, 61))
def test_at_any_moment_one_price_holds_at_most(wishes: list[tuple[int, int | None]], at: int) -> None:
    """Whatever is asked for in whatever order, the accepted prices never overlap, and the book finds the one."""
    kept: list[Price] = []
    for number, (begin, length) in enumerate(wishes):
        wish = price(str(number), begin, None if length is None else begin + length)
        try:
            ended = predecessor_to_end(wish, kept)
        except PricesOverlap:
            continue
        kept = [replace(one, valid_to=wish.valid_from) if one is ended else one for one in kept] + [wish]
    kept.sort(key=lambda one: one.valid_from)
    moment = day(at)
    holding = [one for one in kept if one.valid_from <= moment and (one.valid_to is None or moment < one.valid_to)]
    assert len(holding) <= 1
    assert book(*kept).find("prv", "gpt", us(moment)) == (holding[0] if holding else None)


def test_an_own_price_wins_over_the_shipped_one_while_it_holds() -> None:
    shipped, own = price("shipped", 0, owner="shipped"), price("own", 2, 4)
    both = book(shipped, own)
    found = [both.find("prv", "gpt", us(day(at))) for at in (-1, 0, 2, 3, 4)]
    assert found == [None, shipped, own, own, shipped]
    assert both.find("prv", "gpt", us(day(2)) - 1) == shipped
    assert both.find("prv", "other", us(day(2))) is None
    assert both.find("unknown", "gpt", us(day(2))) is None


def test_shipped_prices_are_complete_and_say_where_they_come_from() -> None:
    shipped = shipped_prices()
    places = [(wish.provider, wish.upstream_model, wish.valid_from) for wish in shipped]
    assert len(set(places)) == len(places)
    kinds = {wish.provider for wish in shipped}
    assert kinds >= {"openai", "anthropic", "gemini", "mistral", "groq", "deepseek"}
    for wish in shipped:
        assert all(isinstance(rate, int) for rate in wish.rates.values()), wish
        assert complete(wish.rates)
        assert wish.source
        assert wish.as_of is not None


def test_shipped_prices_are_of_providers_that_are_recognised() -> None:
    known = {addresses.kind_of(f"https://{host}/v1") for host in addresses._KINDS}
    assert {wish.provider for wish in shipped_prices()} <= known
