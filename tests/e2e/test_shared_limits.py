"""Limits over several gateways are one, with shares kept by the control plane or by Redis: nobody gets more, and nearly all of it can be used."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

import httpx
import pytest

from tests.support.child import eventually
from tests.support.cluster import Cluster
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.redis import RedisServer
from tests.support.rig import Rig
from tests.support.servers import Missing

GATEWAYS = 4
MODEL = "mock:tokens=3"
SLOW = "mock:first_byte_ms=3000,tokens=3"
"""For longer than a burst takes to be sent, on a busy machine, too."""
_names = count(1)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    with MockProvider(tmp_path_factory.mktemp("mock")) as upstream:
        yield upstream


@dataclass
class Hall:
    """Gateways that count the same limits."""

    cluster: Cluster
    rig: Rig
    redis: RedisServer | None

    @property
    def gateways(self) -> list[Headworks]:
        return self.cluster.gateways

    def key(self, **limit: object) -> str:
        """One that is held to a limit of its own."""
        management = self.rig.headworks.management
        made = management.create_key(f"limited-{next(_names)}")
        window = {} if limit["unit"] == "concurrent" else {"window": "minute"}
        management.post("/limits", {"scope": "key", "scope_id": made["id"], **window, **limit})
        return str(made["key"])

    def burst(self, key: str, requests: int, *gateways: Headworks, model: str = MODEL) -> Counter[int]:
        """So many requests at once, over the gateways in turn; how many got which status."""
        chosen = gateways or tuple(self.gateways)
        return asyncio.run(self._burst(key, requests, chosen, self.rig.model(model)))

    async def _burst(self, key: str, requests: int, gateways: tuple[Headworks, ...], model: str) -> Counter[int]:
        body = {"model": model, "messages": [{"role": "user", "content": "one"}], "max_tokens": 5}
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers=headers) as client:
            asked = [
                client.post(f"{gateways[number % len(gateways)].url}/v1/chat/completions", json=body)
                for number in range(requests)
            ]
            answers = await asyncio.gather(*asked)
        for answer in answers:
            assert answer.status_code in {200, 429}, answer.text
            if answer.status_code == 429:
                assert answer.json()["error"]["code"] == "rate_limit_exceeded"
                assert int(answer.headers["retry-after"]) >= 1
        return Counter(answer.status_code for answer in answers)

    def forget_nothing(self, key: str) -> None:
        """Every gateway knows the key, so that a burst meets limits alone."""
        for gateway in self.gateways:
            answer = httpx.get(
                f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            )
            assert answer.is_success


@pytest.fixture(scope="module", params=["control", "redis"])
def hall(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, upstream: MockProvider
) -> Iterator[Hall]:
    try:
        redis = RedisServer().start() if request.param == "redis" else None
        try:
            with Cluster(tmp_path_factory.mktemp("cluster"), gateways=GATEWAYS, redis=redis) as cluster:
                rig = Rig(cluster.control, upstream)
                rig.prepare()
                yield Hall(cluster, rig, redis)
        finally:
            if redis is not None:
                redis.close()
    except Missing as missing:
        pytest.skip(str(missing))


def test_a_burst_over_all_of_them_gets_exactly_the_limit(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=60)
    hall.forget_nothing(key)
    assert hall.burst(key, 3 * 60) == {200: 60, 429: 120}
    assert hall.burst(key, 20) == {429: 20}


def test_one_alone_gets_all_of_it(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=25)
    assert hall.burst(key, 40, hall.gateways[1]) == {200: 25, 429: 15}
    assert hall.burst(key, 20) == {429: 20}


def test_demand_may_move_from_one_to_another(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=50)
    assert hall.burst(key, 20, hall.gateways[0]) == {200: 20}
    assert hall.burst(key, 20, hall.gateways[1], hall.gateways[2]) == {200: 20}
    assert hall.burst(key, 20, hall.gateways[3]) == {200: 10, 429: 10}


def test_as_many_run_at_the_same_time_as_may(hall: Hall) -> None:
    key = hall.key(unit="concurrent", amount=7)
    hall.forget_nothing(key)
    assert hall.burst(key, 28, model=SLOW) == {200: 7, 429: 21}
    assert hall.burst(key, 9, hall.gateways[2], model=SLOW) == {200: 7, 429: 2}


def test_callers_are_told_how_all_of_it_stands(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=1_000)
    body = {"model": hall.rig.model(MODEL), "messages": [{"role": "user", "content": "one"}]}
    headers = {"authorization": f"Bearer {key}"}
    assert hall.burst(key, 30, hall.gateways[0]) == {200: 30}

    def remaining() -> bool:
        answer = httpx.post(
            f"{hall.gateways[1].url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=60
        )
        # Each try uses one.
        seen.append(int(answer.headers["x-ratelimit-remaining-requests"]))
        return seen[-1] == 970 - len(seen)

    seen: list[int] = []
    eventually(remaining, what="what others used is told", pause=0.2)


def test_a_gateway_that_dies_takes_nothing_with_it_for_good(hall: Hall) -> None:
    key = hall.key(unit="concurrent", amount=4)
    hall.forget_nothing(key)
    dying, heir = hall.gateways[0], hall.gateways[1]
    holding = asyncio.new_event_loop()
    try:
        held = holding.run_in_executor(None, partial(hold, dying, key, hall.rig.model("mock:hang"), 4))
        # Nobody else asks before: a slot that the heir takes for a moment is one that the dying one is refused.
        eventually(lambda: dying.metric("headworks_reservations_open") == 4, what="four are held")
        eventually(lambda: hall.burst(key, 1, heir) == {429: 1}, what="all slots are taken")
        dying.kill()
        holding.run_until_complete(held)
    finally:
        holding.close()
    eventually(lambda: hall.burst(key, 1, heir) == {200: 1}, what="its slots come back", seconds=30, pause=0.2)
    dying.start()
    assert hall.burst(key, 8, model=SLOW) == {200: 4, 429: 4}


def hold(gateway: Headworks, key: str, model: str, requests: int) -> None:
    """Requests that nobody answers, until the gateway is gone."""

    async def one(client: httpx.AsyncClient) -> None:
        body = {"model": model, "messages": [{"role": "user", "content": "one"}]}
        with pytest.raises(httpx.HTTPError):
            await client.post(f"{gateway.url}/v1/chat/completions", json=body)

    async def all_of_them() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers={"authorization": f"Bearer {key}"}) as client:
            await asyncio.gather(*(one(client) for _ in range(requests)))

    asyncio.run(all_of_them())


def test_a_restarted_gateway_has_not_forgotten(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=30)
    gateway = hall.gateways[2]
    assert hall.burst(key, 20, gateway) == {200: 20}
    gateway.stop()
    gateway.start()
    assert hall.burst(key, 40) == {200: 10, 429: 30}


def test_without_a_control_plane_each_counts_by_itself(hall: Hall) -> None:
    key = hall.key(unit="requests", amount=10)
    hall.forget_nothing(key)
    assert hall.burst(key, 4) == {200: 4}
    hall.cluster.control.kill()
    statuses = hall.burst(key, 60)
    assert 10 - 4 <= statuses[200] <= GATEWAYS * 10, "never without a limit, and never refused for want of an answer"
    assert all(gateway.metric("headworks_limits_counted_alone") >= 1 for gateway in hall.gateways)
    hall.cluster.control.start()
    for gateway in hall.gateways:
        eventually(partial(counts_with_others, gateway), what="they are counted together")
    assert hall.burst(key, 20) == {429: 20}, "what was used meanwhile is known"


def test_without_redis_each_counts_by_itself(hall: Hall) -> None:
    if hall.redis is None:
        pytest.skip("the control plane counts in its own memory")
    key = hall.key(unit="requests", amount=10)
    hall.forget_nothing(key)
    assert hall.burst(key, 4) == {200: 4}
    hall.redis.kill()
    statuses = hall.burst(key, 60)
    assert 10 - 4 <= statuses[200] <= GATEWAYS * 10
    eventually(lambda: checks(hall.cluster.control)["shares of limits"] == "degraded", what="it is told")
    hall.redis.start()
    eventually(lambda: checks(hall.cluster.control)["shares of limits"] == "ok", what="it is well again")
    for gateway in hall.gateways:
        eventually(partial(counts_with_others, gateway), what="they are counted together")
    assert hall.burst(key, 20) == {429: 20}


def counts_with_others(gateway: Headworks) -> bool:
    return gateway.metric("headworks_limits_counted_alone") == 0


def checks(process: Headworks) -> dict[str, str]:
    answer = httpx.get(f"{process.url}/health/ready", trust_env=False, timeout=10)
    return {check["name"]: check["state"] for check in answer.json()["checks"]}
