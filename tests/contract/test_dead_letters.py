"""What an operator sees of dead letters and does with them, over HTTP, on every bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.bootstrap.dead_letters import DeadLetters
from headworks.kernel.audit import Change
from headworks.kernel.bus import Bus
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator
from tests.support.buses import Buses, Heard, consuming, event, until
from tests.support.dead_letters import refused


class Door:
    """Lets everybody in."""

    async def authenticate(self, _token: str, _source: str | None) -> Principal:
        return Principal("key_m", "key", "org_1", "prj_1", MANAGEMENT)


@dataclass
class Office:
    """The API in front of a bus."""

    client: httpx.AsyncClient
    bus: Bus
    ledger: str
    search: str
    notes: list[Change]

    async def look(self, **query: str | int) -> dict[str, Any]:
        answer = await self.client.get("/dead-letters", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    async def replay(self, **body: object) -> httpx.Response:
        return await self.client.post("/dead-letter-replays", json=body)


@pytest.fixture
async def office(buses: Buses) -> AsyncIterator[Office]:
    topology, notes = buses.topology(), list[Change]()

    async def note(change: Change) -> None:
        notes.append(change)

    bus = await buses.open(topology)
    app = build_app({Authenticator: Door(), DeadLetters: DeadLetters(bus, topology, note)})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer x"},
        timeout=60,
    ) as client:
        yield Office(client, bus, buses.name("ledger"), buses.name("search"), notes)


async def test_nothing_is_dead(office: Office) -> None:
    await office.bus.publish([event("evt_1")])
    found = await office.look(queue=office.ledger)
    assert found == {"queues": [{"name": office.ledger, "waiting": 1, "dead": 0}], "letters": []}
    assert len((await office.look())["queues"]) == 3
    answer = await office.replay(queue=office.ledger)
    assert (answer.status_code, answer.json()["data"]["replayed"]) == (201, 0)


async def test_what_is_dead_is_seen_and_put_back(office: Office) -> None:
    body = '[["spl_1","räkning"]]'.encode() + b"\xff" + b" " * 5000
    await refused(office.bus, office.ledger, event("spl_1/req_1/req_2", body), event("evt_2"))
    found = await office.look()
    assert {one["name"]: one["dead"] for one in found["queues"]} == {
        office.ledger: 2,
        office.search: 0,
        office.ledger.replace("ledger", "reports"): 0,
    }
    assert sorted(one["id"] for one in found["letters"]) == ["evt_2", "spl_1/req_1/req_2"]
    assert len((await office.look(limit=1))["letters"]) == 1
    shown = (await office.client.get("/dead-letters/spl_1/req_1/req_2")).json()["data"]
    assert (shown["queue"], shown["type"], shown["reason"]) == (office.ledger, "usage.recorded.v1", "rejected")
    assert (shown["subject"], shown["organization_id"], shown["size_bytes"]) == ("sub_1", "org_1", len(body))
    assert shown["payload"].startswith('[["spl_1","räkning"]]\ufffd ')
    assert (len(shown["payload"]), shown["payload_is_cut"]) == (4096, True)

    replayed = await office.replay(queue=office.ledger, ids=["spl_1/req_1/req_2", "evt_nobody"])
    assert replayed.json()["data"] == {"queue": office.ledger, "replayed": 1}
    assert [one["id"] for one in (await office.look())["letters"]] == ["evt_2"]
    heard = Heard()
    async with consuming(office.bus, office.ledger, heard):
        await until(lambda: len(heard.messages) == 1, "the replayed")
        assert (await office.replay(queue=office.ledger)).json()["data"]["replayed"] == 1
        await until(lambda: len(heard.messages) == 2, "the other one")
    assert heard.messages == [event("spl_1/req_1/req_2", body), event("evt_2")]
    assert [(one.action, one.resource_id, one.after) for one in office.notes] == [
        ("dead_letters.replay_begun", office.ledger, {"messages": ["evt_nobody", "spl_1/req_1/req_2"]}),
        ("dead_letters.replayed", office.ledger, {"messages": 1}),
        ("dead_letters.replay_begun", office.ledger, {"messages": "all"}),
        ("dead_letters.replayed", office.ledger, {"messages": 1}),
    ]


async def test_the_same_message_may_be_dead_in_one_queue_alone(office: Office) -> None:
    await refused(office.bus, office.search, event("evt_1"))
    assert (await office.client.get("/dead-letters/evt_1")).json()["data"]["queue"] == office.search
    elsewhere = await office.client.get("/dead-letters/evt_1", params={"queue": office.ledger})
    assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (404, "dead_letter_not_found")
    answer = await office.replay(queue=office.ledger, ids=["evt_1"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "dead_letter_not_found")
    assert office.notes == [], "nothing was done"


async def test_a_message_that_dies_again_is_dead_again(office: Office) -> None:
    letter = event("evt_1")
    await refused(office.bus, office.ledger, letter)
    await office.replay(queue=office.ledger, ids=["evt_1"])
    await refused(office.bus, office.ledger, replace(letter, id="evt_2"))
    assert sorted(one["id"] for one in (await office.look())["letters"]) == ["evt_1", "evt_2"]
