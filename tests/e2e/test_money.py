"""Limits and budgets as callers meet them, and the ledger that must agree with what the upstream served."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from headworks.kernel.clock import now
from tests.support.child import eventually
from tests.support.shop import INPUT, OUTPUT, Shop, price

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.rig import Rig


@pytest.fixture(scope="module")
def shop(rig: Rig) -> Iterator[Shop]:
    model = price(rig, "mock:tokens=20")
    shop = Shop(rig, model)
    yield shop
    shop.verified()


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


def test_a_spent_budget_says_all_of_it_and_is_not_tried_again(shop: Shop) -> None:
    key_id, key = shop.key("spender")
    budget = shop.budget(key_id, 100)
    before = len(shop.rig.upstream.requests())
    answer = shop.ask(key, max_tokens=20)
    assert error(answer) == (402, "budget_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    told = answer.json()["error"]
    assert told["rule"].items() >= {"id": budget, "scope": "key", "limit": 100, "spent": 0}.items()
    assert told["rule"]["needed"] > 100
    assert told["rule"]["resets_at"] is not None
    assert budget in told["message"]
    with (
        shop.rig.headworks.openai(api_key=key, max_retries=5) as client,
        pytest.raises(openai.APIStatusError) as raised,
    ):
        client.chat.completions.create(model=shop.model, messages=[{"role": "user", "content": "hello"}], max_tokens=20)
    assert raised.value.status_code == 402
    assert shop.rig.headworks.metric("headworks_limit_refusals_total", unit="budget") >= 2
    assert len(shop.rig.upstream.requests()) == before


def test_a_raise_makes_room_for_the_very_next_request(shop: Shop) -> None:
    key_id, key = shop.key("raised")
    budget = shop.budget(key_id, 100)
    assert error(shop.ask(key, max_tokens=20)) == (402, "budget_exceeded")
    until = (now() + timedelta(hours=1)).isoformat()
    raised = {"amount_nanodollars": 10**9, "until": until}
    made = shop.rig.headworks.management.post(f"/budgets/{budget}/raises", raised)
    assert shop.ask(key, max_tokens=20).status_code == 200
    assert shop.settled(budget)["spent"] == shop.cost_of(key_id) > 0
    shop.rig.headworks.management.delete(f"/budgets/{budget}/raises/{made['id']}")
    assert error(shop.ask(key, max_tokens=20)) == (402, "budget_exceeded")


def test_an_answer_is_as_long_as_the_budget_pays_for(shop: Shop) -> None:
    key_id, key = shop.key("clipped")
    words = 8
    body = 200  # bytes of a request, at most: each may be a token
    budget = shop.budget(key_id, body * INPUT + words * OUTPUT)
    answer = shop.ask(key, max_tokens=10_000)
    assert answer.status_code == 200, answer.text
    clipped = int(answer.headers["x-headworks-max-tokens"])
    whole = answer.json()
    assert whole["choices"][0]["finish_reason"] == ("length" if clipped < 20 else "stop")
    assert words <= clipped
    standing = shop.settled(budget)
    assert 0 < standing["spent"] == shop.cost_of(key_id) <= standing["authorized"]


def test_a_stream_without_a_limit_ends_cleanly_where_the_budget_does(shop: Shop) -> None:
    endless = price(shop.rig, "mock:tokens=100000,rate=4000")
    key_id, key = shop.key("endless")
    amount = 3_000_000
    budget = shop.budget(key_id, amount)
    with shop.rig.headworks.openai(api_key=key) as client:
        stream = client.chat.completions.create(
            model=endless, messages=[{"role": "user", "content": "hello"}], stream=True
        )
        chunks = [chunk for chunk in stream if chunk.choices]
    assert chunks[-1].choices[0].finish_reason == "length"
    standing = shop.settled(budget)
    assert 0 < standing["spent"] <= amount
    shop.verified()


def test_what_has_no_price_cannot_be_paid_from_a_budget(shop: Shop) -> None:
    unpriced = shop.rig.model("mock:tokens=21")
    key_id, key = shop.key("unpriced")
    assert shop.ask(key, unpriced).status_code == 200
    shop.budget(key_id, 10**9)
    answer = shop.ask(key, unpriced)
    assert error(answer) == (403, "model_unpriced")
    assert "headworks prices add" in answer.json()["error"]["message"]
    assert shop.ask(key).status_code == 200


def test_a_soft_budget_refuses_nothing_and_counts(shop: Shop) -> None:
    key_id, key = shop.key("soft")
    budget = shop.budget(key_id, 1, hard=False, thresholds=[50, 100])
    assert shop.ask(key).status_code == 200
    standing = shop.settled(budget)
    assert standing["spent"] == shop.cost_of(key_id) > 1
    assert standing["left"] == 1 - standing["spent"]
    alerts = shop.rig.headworks.management.get(f"/budgets/{budget}")["current"]["alerts"]
    assert [alert["percent"] for alert in alerts] == [50, 100]


def test_the_strictest_limit_answers_429_and_says_when(shop: Shop) -> None:
    key_id, key = shop.key("limited")
    shop.limit(key_id, "requests", 100, "day")
    strictest = shop.limit(key_id, "requests", 2)
    answers = [shop.ask(key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [int(answer.headers["x-ratelimit-remaining-requests"]) for answer in answers] == [1, 0, 0]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"2"}
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["rule"]["id"] == strictest
    assert 0 < int(refused.headers["retry-after"]) <= 61
    shop.rig.headworks.management.delete(f"/limits/{strictest}")
    assert shop.ask(key).status_code == 200


def test_tokens_spend_and_requests_at_once_are_limited_too(shop: Shop) -> None:
    key_id, key = shop.key("many limits")
    tokens = shop.limit(key_id, "tokens", 10)
    answer = shop.ask(key, max_tokens=20)
    assert error(answer) == (429, "rate_limit_exceeded")
    assert "retry-after" not in answer.headers, "it will never fit"
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["rule"]["id"] == tokens
    shop.rig.headworks.management.delete(f"/limits/{tokens}")
    spend = shop.limit(key_id, "spend", 1, "hour")
    assert shop.ask(key, max_tokens=20).json()["error"]["rule"]["id"] == spend
    shop.rig.headworks.management.delete(f"/limits/{spend}")
    shop.limit(key_id, "concurrent", 1, None)
    slow = price(shop.rig, "mock:tokens=20,rate=20")
    with (
        shop.rig.headworks.openai(api_key=key) as client,
        client.chat.completions.create(
            model=slow, messages=[{"role": "user", "content": "hello"}], stream=True, max_tokens=20
        ) as stream,
    ):
        next(iter(stream))
        assert error(shop.ask(key)) == (429, "rate_limit_exceeded")
    eventually(lambda: shop.ask(key).status_code == 200, what="the slot given back by who left")


def test_the_same_request_costs_the_same_streamed_or_not(shop: Shop) -> None:
    spent = []
    for stream in (False, True):
        key_id, key = shop.key(f"stream {stream}")
        budget = shop.budget(key_id, 10**9)
        assert shop.ask(key, stream=stream).status_code == 200
        spent.append(shop.settled(budget)["spent"])
    assert spent[0] == spent[1] > 0


@pytest.mark.parametrize("with_limit", [True, False], ids=["max_tokens", "unlimited"])
def test_many_at_once_never_overrun_a_hard_budget_and_can_use_nearly_all_of_it(shop: Shop, *, with_limit: bool) -> None:
    key_id, key = shop.key(f"race {with_limit}")
    each = 16 * INPUT + 20 * OUTPUT
    amount = 150 * each
    budget = shop.budget(key_id, amount)
    statuses = asyncio.run(_race(shop, key, clients=60, requests=6, with_limit=with_limit))
    assert set(statuses) <= {200, 402}, statuses
    assert {200, 402} <= set(statuses)
    standing = shop.settled(budget)
    assert standing["spent"] <= amount
    assert standing["spent"] == shop.cost_of(key_id)
    # What is left pays for shorter and shorter answers, one at a time: then it is as good as used up.
    while shop.ask(key, max_tokens=1).status_code == 200:
        pass
    standing = shop.settled(budget)
    assert amount * 99 // 100 <= standing["spent"] <= amount, standing
    shop.verified()


async def _race(shop: Shop, key: str, *, clients: int, requests: int, with_limit: bool) -> list[int]:
    """The statuses of all requests: streams and not, some of them left in the middle."""
    chance = random.Random(7)  # noqa: S311 - no secret
    limits = httpx.Limits(max_connections=clients)
    headers = {"authorization": f"Bearer {key}"}
    url = f"{shop.rig.headworks.url}/v1/chat/completions"
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits, headers=headers) as client:

        async def one(*, stream: bool, leaves: bool) -> int:
            body: dict[str, Any] = {"model": shop.model, "messages": [{"role": "user", "content": "hello"}]}
            body |= {"stream": stream} | ({"max_tokens": 20} if with_limit else {})
            async with client.stream("POST", url, json=body) as answer:
                if not leaves:
                    await answer.aread()
                return answer.status_code

        async def some() -> list[int]:
            kinds = [(chance.random() < 0.5, chance.random() < 0.1) for _ in range(requests)]
            return [await one(stream=stream, leaves=stream and leaves) for stream, leaves in kinds]

        return [status for statuses in await asyncio.gather(*(some() for _ in range(clients))) for status in statuses]


def test_a_limit_counts_what_was_used_before_it_and_before_a_restart(own: Rig) -> None:
    shop = Shop(own, price(own, "mock:tokens=20"))
    key_id, key = shop.key("remembered")
    asked = [shop.ask(key) for _ in range(2)]
    own.record(asked[-1].headers["x-request-id"])
    shop.limit(key_id, "requests", 4, "day")
    third = shop.ask(key)
    assert third.headers["x-ratelimit-remaining-requests"] == "1"
    own.headworks.stop()
    own.headworks.start()
    assert shop.ask(key).headers["x-ratelimit-remaining-requests"] == "0"
    own.headworks.kill()
    own.headworks.start()
    assert error(shop.ask(key)) == (429, "rate_limit_exceeded")
