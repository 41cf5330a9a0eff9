"""What flows say of limits, budgets and prices, and how long they may say it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headworks.catalog.contracts import Price, PriceBook, Rates
from headworks.dataplane.flow import Budget
from headworks.identity.contracts import KeyOwner
from headworks.kernel.timeline import BEGINNING_US, FOREVER_US
from headworks.ledger.contracts import InForce
from headworks.limits.contracts import Holding, Limit, Subject
from tests.unit.gateway.conftest import NOON, World, controller_of, key, question, snapshot, target

NOON_US = int(NOON.timestamp()) * 1_000_000
RATES = Rates(*range(1, 13))
LIMIT = Limit("lim_1", "org_1", "key", "key_1", "tokens", "hour", 60, NOON, NOON)
HARD = Budget("bud_1", "key", hard=True, amount=5, period_start_us=0, period_end_us=NOON_US + 10_000_000)
SOFT = replace(HARD, id="bud_2", hard=False)


def price(start: datetime, end: datetime | None = None, rates: Rates = RATES) -> Price:
    return Price("prc_1", "org_1", "up", "gpt", rates, start, end, "", date(2026, 1, 1), NOON)


def book(*prices: Price) -> PriceBook:
    return PriceBook({("org_1", "up", "gpt"): prices}, {"prv_1": (("org_1", "up"),)}, 1)


async def flow(world: World, model: str = "fast") -> dict[str, Any]:
    _, answer = await controller_of(world).answer(1, json.dumps(asdict(question(model))))
    whole: dict[str, Any] = json.loads(answer)["flow"]
    return whole


async def test_a_flow_names_its_limits_its_hard_budgets_and_what_it_costs(world: World) -> None:
    world.holding = Holding((LIMIT, replace(LIMIT, id="lim_2", unit="concurrent", window=None, amount=2)))
    world.in_force_ = InForce((HARD, SOFT), 125_000, NOON_US + 10_000_000)
    world.book = book(price(NOON - timedelta(days=1)))
    found = await flow(world)
    assert found["limits"] == [
        {"id": "lim_1", "scope": "key", "unit": "tokens", "amount": 60, "window_s": 3600, "used": []},
        {"id": "lim_2", "scope": "key", "unit": "concurrent", "amount": 2, "window_s": 0, "used": []},
    ]
    assert found["budgets"] == [asdict(HARD)]
    assert found["markup_ppm"] == 125_000
    assert [one["rates"] for one in found["targets"]] == [list(RATES)]
    assert (found["fresh_ms"], found["hard_ms"]) == (10_000, 10_000), "until the period ends"


async def test_a_limit_says_what_its_window_holds_already(world: World) -> None:
    world.holding, world.used_ = Holding((LIMIT,)), ((NOON_US // 1_000_000, 7),)
    assert (await flow(world))["limits"][0]["used"] == [[NOON_US // 1_000_000, 7]]


async def test_who_asks_is_told_apart_by_key_owner_project_and_model(world: World) -> None:
    await flow(world)
    world.key = key(owner=KeyOwner("user", "usr_1", role="viewer"))
    await flow(world, "slow")
    assert world.asked == [
        Subject("org_1", "prj_1", "key_1", None, "fast"),
        Subject("org_1", "prj_1", "key_1", "usr_1", "slow"),
    ]


async def test_what_has_no_price_says_so(world: World) -> None:
    assert [one["rates"] for one in (await flow(world))["targets"]] == [None]


@pytest.mark.parametrize(
    ("prices", "left_ms"),
    [
        ([price(NOON - timedelta(days=1), NOON + timedelta(seconds=7))], 7_000),
        ([price(NOON + timedelta(seconds=9))], 9_000),
        ([price(NOON - timedelta(days=1), NOON), price(NOON, NOON + timedelta(microseconds=1))], 1),
        ([price(NOON - timedelta(days=1))], 60_000),
    ],
    ids=["ends", "begins", "ends at once", "stays"],
)
async def test_a_flow_ends_when_a_price_does(world: World, prices: list[Price], left_ms: int) -> None:
    world.book = book(*prices)
    assert (await flow(world))["fresh_ms"] == left_ms


async def test_each_target_has_its_own_price(world: World) -> None:
    world.snapshot_ = snapshot("fast", targets=(target(), target(upstream_model="other"), target(upstream_model=None)))
    world.book = book(price(NOON))
    assert [one["rates"] for one in (await flow(world))["targets"]] == [list(RATES), None, None]


async def test_what_is_only_remembered_lasts_no_longer(world: World) -> None:
    world.holding = Holding((), age_ms=800_000)
    assert (await flow(world))["hard_ms"] == 100_000
    world.holding, world.in_force_ = Holding(()), InForce((), 0, None, age_ms=880_000)
    assert (await flow(world))["hard_ms"] == 20_000


async def test_a_document_is_held_to_nothing(world: World) -> None:
    world.holding, world.in_force_ = Holding((LIMIT,)), InForce((HARD,), 5, NOON_US + 1)
    _, answer = await controller_of(world).answer(1, json.dumps(asdict(question(None, "models"))))
    found = json.loads(answer)["flow"]
    assert (found["limits"], found["budgets"], found["hard_ms"]) == ([], [], 900_000)


def test_a_price_holds_until_the_first_change_of_either_book() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shipped = price(at, at + timedelta(seconds=5))
    own = price(at + timedelta(seconds=3))
    both = PriceBook(
        {("shipped", "openai", "gpt"): (shipped,), ("org_1", "up", "gpt"): (own,)},
        {"prv_1": (("org_1", "up"), ("shipped", "openai"))},
        1,
    )
    start = int(at.timestamp()) * 1_000_000
    middle = start + 3_000_000
    assert both.stretch("prv_1", "gpt", start) == (shipped, start, middle)
    assert both.stretch("prv_1", "gpt", middle) == (own, middle, FOREVER_US)
    assert both.stretch("prv_1", "gpt", start - 1) == (None, BEGINNING_US, start)
    assert both.stretch("prv_1", "none", start) == (None, BEGINNING_US, FOREVER_US)
