"""Dead letters where there is no broker, and what makes no sense. What an operator does with them: tests/contract/test_dead_letters.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.bootstrap.dead_letters import DeadLetters
from headworks.bootstrap.messages import TOPOLOGY
from headworks.kernel.audit import Change
from headworks.kernel.bus import Bus
from headworks.kernel.bus.adapters.memory import MemoryBus
from headworks.kernel.bus.adapters.rabbitmq.address import Address
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Secret
from headworks.kernel.web import Authenticator
from tests.support.child import free_port


class Door:
    """Lets everybody in."""

    async def authenticate(self, _token: str, _source: str | None) -> Principal:
        return Principal("key_m", "key", "org_1", "prj_1", MANAGEMENT)


async def fails(_change: Change) -> None:
    pytest.fail("nothing is done, so there is nothing to note")


@pytest.fixture
def bus() -> Bus | None:
    return MemoryBus(TOPOLOGY)


def api_of(bus: Bus | None) -> httpx.AsyncClient:
    app = build_app({Authenticator: Door(), DeadLetters: DeadLetters(bus, TOPOLOGY, fails)})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer x"},
    )


@pytest.fixture
async def client(bus: Bus | None) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(bus) as client:
        yield client


@pytest.mark.parametrize("bus", [None])
async def test_one_process_has_no_broker_and_says_so(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.get("/dead-letters"),
        await client.get("/dead-letters/x"),
        await client.post("/dead-letter-replays", json={"queue": "usage"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_broker")
        assert "HEADWORKS_BUS_URL" in answer.json()["detail"]


async def test_a_queue_that_is_not_there_is_named_with_those_that_are(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.get("/dead-letters", params={"queue": "nobody"}),
        await client.get("/dead-letters/x", params={"queue": "nobody"}),
        await client.post("/dead-letter-replays", json={"queue": "nobody"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "queue_not_found")
        assert answer.json()["detail"] == "There is no queue 'nobody'. There is: usage."


async def test_a_message_that_is_not_dead_is_not_found(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.get("/dead-letters/spl_1/req_1/req_9"),
        await client.post("/dead-letter-replays", json={"queue": "usage", "ids": ["spl_1/req_1/req_9"]}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "dead_letter_not_found")
        assert "spl_1/req_1/req_9" in answer.json()["detail"]


async def test_a_broker_that_is_away_is_said_to_be() -> None:
    nobody = Address.parse(Secret(f"amqp://guest:guest@127.0.0.1:{free_port()}/headworks"))
    async with api_of(RabbitBus(nobody, TOPOLOGY)) as client:
        for answer in (
            await client.get("/dead-letters"),
            await client.get("/dead-letters/x"),
            await client.post("/dead-letter-replays", json={"queue": "usage", "ids": ["x"]}),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "bus_unavailable")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "queue"),
        ({"queue": "usage", "ids": []}, "ids"),
        ({"queue": "usage", "ids": "all"}, "ids"),
        ({"queue": "usage", "ids": ["x" * 201]}, "ids.0"),
        ({"queue": "usage", "ids": ["x"] * 1001}, "ids"),
        ({"queue": "u" * 65}, "queue"),
        ({"queue": "usage", "all": True}, "all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    answer = await client.post("/dead-letter-replays", json=body)
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, field)


@pytest.mark.parametrize("limit", [0, 201, "x"])
async def test_a_list_is_of_some_length(client: httpx.AsyncClient, limit: object) -> None:
    answer = await client.get("/dead-letters", params={"limit": str(limit)})
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "query.limit")
