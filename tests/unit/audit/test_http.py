"""The audit trail over HTTP, on real databases: what is shown to whom, and what tampering with a file looks like."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headworks.audit.adapters.sql import SqlReader
from headworks.audit.ports import Trails
from headworks.bootstrap.app import build_app
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA, TRAIL
from headworks.identity.contracts import Organization, Project
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.errors import Unauthenticated
from headworks.kernel.events import EventBus
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.web import Authenticator, Surroundings

SOURCE = "203.0.113.9"


class Gatekeeper:
    """`operator` may do everything in organisation 1; `admin` the same but operate, in organisation 2."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        if token == "operator":
            return Principal("key_operator", "key", "org_1", "prj_1", MANAGEMENT)
        if token == "admin":
            return Principal("key_admin", "key", "org_2", "prj_2", MANAGEMENT - {"installation:operate"})
        raise Unauthenticated("no")


@dataclass
class Api:
    path: Path
    http: httpx.AsyncClient

    async def ask(
        self,
        path: str,
        caller: str = "operator",
        method: str = "GET",
        *,
        params: Mapping[str, str | int] | None = None,
        json: object = None,
        request_id: str = "",
    ) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {caller}",
            "x-forwarded-for": f"10.0.0.1, {SOURCE}",
            "x-headworks-client-address": SOURCE,
        }
        if request_id:
            headers["x-request-id"] = request_id
        return await self.http.request(method, path, headers=headers, params=params, json=json)

    async def make_key(self, caller: str, name: str) -> str:
        answer = await self.ask("/keys", caller, "POST", json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    async def events(self, caller: str = "operator", **query: str | int) -> list[dict[str, Any]]:
        answer = await self.ask("/audit-events", caller, params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def verified(self, **query: str) -> dict[str, Any]:
        answer = await self.ask("/audit-events/verify", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def tamper(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    path = tmp_path / "identity.sqlite3"
    prepare_schema(path, SCHEMA)
    database = Database.sqlite(path)
    store = SqlStore(database, EventBus())
    async with store.operate() as unit:
        for number in (1, 2):
            await unit.organizations.add(Organization(f"org_{number}", f"Organisation {number}", now()))
            await unit.within(f"org_{number}").projects.add(Project(f"prj_{number}", f"org_{number}", "Project", now()))
    trails = Trails((SqlReader(database, TRAIL),))
    sealer = Sealer({"kek": bytes(32)}, "kek")
    provisions = {Authenticator: Gatekeeper(), Store: store, Trails: trails, Sealer: sealer}
    app = Surroundings(build_app(provisions), HttpMetrics(Metrics()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://headworks/api/v1") as http:
        yield Api(path, http)
    await database.close()


async def test_an_entry_says_who_what_and_from_where(api: Api) -> None:
    made = await api.ask("/keys", method="POST", json={"name": "CI"}, request_id="req_mine")
    secret = made.json()["data"]["key"]
    (event,) = await api.events()
    assert event["id"].startswith("aud_")
    assert (event["action"], event["resource_id"]) == ("key.created", made.json()["data"]["id"])
    assert (event["actor_kind"], event["actor_id"], event["organization_id"]) == ("key", "key_operator", "org_1")
    assert (event["source"], event["request_id"]) == (SOURCE, "req_mine")
    assert event["before"] is None
    assert (event["after"]["name"], event["after"]["kind"]) == ("CI", "inference")
    assert (event["trail"], event["sequence"]) == ("identity", 1)
    assert secret not in json.dumps(event)


@pytest.mark.parametrize(
    ("client", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("203.0.113.1, 192.0.2.1", None),
        ("nonsense", None),
        ("", None),
    ],
)
async def test_the_address_is_the_engines_word(api: Api, client: str, source: str | None) -> None:
    """It knows which proxies are believed. What callers say of hops before them is theirs to invent."""
    headers = {
        "authorization": "Bearer operator",
        "x-headworks-client-address": client,
        "x-forwarded-for": "203.0.113.1, 198.51.100.9",
    }
    await api.http.post("/keys", json={"name": "a"}, headers=headers)
    assert [event["source"] for event in await api.events()] == [source]


async def test_before_and_after(api: Api) -> None:
    key = await api.make_key("operator", "a")
    await api.ask(f"/keys/{key}", method="PATCH", json={"name": "b"})
    await api.ask(f"/keys/{key}", method="DELETE")
    await api.ask(f"/keys/{key}", method="DELETE")
    events = await api.events(resource_id=key)
    assert [event["action"] for event in events] == ["key.revoked", "key.changed", "key.created"]
    assert (events[1]["before"]["name"], events[1]["after"]["name"]) == ("a", "b")
    assert (events[0]["before"]["revoked_at"], bool(events[0]["after"]["revoked_at"])) == (None, True)


async def test_what_is_refused_writes_nothing(api: Api) -> None:
    for body in ({"name": ""}, {"name": "a", "project_id": "prj_2"}, {"name": "a", "sha256": "x"}):
        assert (await api.ask("/keys", method="POST", json=body)).status_code == 422
    assert (await api.ask("/keys/key_9", method="DELETE")).status_code == 404
    assert await api.events() == []


async def test_an_organisation_sees_its_own(api: Api) -> None:
    own = await api.make_key("admin", "own")
    other = await api.make_key("operator", "other")
    assert [event["resource_id"] for event in await api.events("admin")] == [own]
    assert [event["resource_id"] for event in await api.events("admin", organization_id="org_2")] == [own]
    for query in ({"organization_id": "org_1"}, {"organization_id": "org_9"}, {"resource_id": other}):
        assert await api.events("admin", **query) == []
    assert [event["resource_id"] for event in await api.events()] == [other, own]
    assert [event["resource_id"] for event in await api.events(organization_id="org_2")] == [own]
    # How many changes there are in all is nobody else's business either.
    (event,) = await api.events("admin")
    assert event["sequence"] is None
    answer = await api.ask("/audit-events/verify", "admin")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_permission")
    exported = (await api.ask("/audit-events/export", "admin")).text
    assert [json.loads(line)["resource_id"] for line in exported.splitlines()] == [own]


async def test_the_list_goes_on(api: Api) -> None:
    keys = [await api.make_key("operator", f"key {number}") for number in range(5)]
    path = "/audit-events?per_page=2&action=key.*"
    shown: list[str] = []
    while path:
        answer = (await api.ask(path)).json()
        shown += [event["resource_id"] for event in answer["data"]]
        path = (answer["links"]["next"] or "").removeprefix("/api/v1")
    assert shown == keys[::-1]


async def test_the_export_is_one_object_a_line(api: Api) -> None:
    keys = [await api.make_key("operator", f"né {number}") for number in range(3)]
    answer = await api.ask("/audit-events/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["resource_id"] for line in lines] == keys[::-1]
    assert lines == await api.events()
    assert (await api.ask("/audit-events/export", params={"resource_id": "x"})).text == ""


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "nonsense"}, "query.cursor"),
        ({"cursor": "WzEsMl0"}, "query.cursor"),
        ({"cursor": "WzkyMjMzNzIwMzY4NTQ3NzU4MDcsImEiXQ"}, "query.cursor"),
        ({"per_page": 0}, "query.per_page"),
        ({"from": "yesterday"}, "query.from"),
        ({"from": "2026-01-01T00:00:00"}, "query.from"),
        ({"action": "x" * 200}, "query.action"),
        ({"actor": "key_1"}, "query.actor"),
    ],
)
async def test_a_wrong_question_is_told_where(api: Api, query: dict[str, str | int], field: str) -> None:
    answer = await api.ask("/audit-events", params=query)
    assert answer.status_code == 422, answer.text
    assert field in [detail["field"] for detail in answer.json()["error"]["details"]]


async def test_a_whole_trail_is_whole(api: Api) -> None:
    for number in range(3):
        await api.make_key("operator", f"{number}")
    found = await api.verified()
    assert found["intact"] is True
    (trail,) = found["trails"]
    assert (trail["trail"], trail["entries"], trail["fault"]) == ("identity", 3, None)
    assert (await api.verified(anchor=trail["anchor"]))["intact"] is True
    await api.make_key("operator", "later")
    assert (await api.verified(anchor=trail["anchor"]))["intact"] is True


@pytest.mark.parametrize(
    ("statement", "problem", "sequence"),
    [
        ("UPDATE identity_audit_trail SET actor_id = 'somebody' WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET after = replace(after, '\"1\"', '\"7\"') WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET before = '{}' WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET at = at + 1 WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET at = 'noon' WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET at = 9223372036854775807 WHERE sequence = 2", "changed", 2),
        ("UPDATE identity_audit_trail SET source = x'ff' WHERE sequence = 2", "changed", 2),
        ("DELETE FROM identity_audit_trail WHERE sequence = 2", "missing", 2),
        ("DELETE FROM identity_audit_trail WHERE sequence = 4", "cut", 4),
        ("DELETE FROM identity_audit_trail", "cut", 1),
        ("UPDATE identity_audit_trail SET sequence = 9 - sequence WHERE sequence IN (2, 3)", "missing", 2),
        ("UPDATE identity_audit_head SET sequence = 3", "beyond_head", 4),
        ("DELETE FROM identity_audit_head", "beyond_head", 1),
        ("UPDATE identity_audit_head SET hash = 'x'", "head_changed", 4),
    ],
)
async def test_what_is_done_to_the_file_is_found(api: Api, statement: str, problem: str, sequence: int) -> None:
    for number in range(4):
        await api.make_key("operator", f"{number}")
    api.tamper(statement)
    found = await api.verified()
    assert found["intact"] is False
    (trail,) = found["trails"]
    assert (trail["fault"]["problem"], trail["fault"]["sequence"]) == (problem, sequence)
    assert trail["entries"] == min(sequence - 1, 4) or problem in {"beyond_head", "head_changed"}


async def test_only_a_noted_end_shows_a_trail_that_was_written_anew(api: Api) -> None:
    await api.make_key("operator", "a")
    anchor = (await api.verified())["trails"][0]["anchor"]
    api.tamper("DELETE FROM identity_audit_trail")
    api.tamper("DELETE FROM identity_audit_head")
    await api.make_key("operator", "b")
    assert (await api.verified())["intact"] is True
    found = await api.verified(anchor=anchor)
    assert found["trails"][0]["fault"]["problem"] == "not_the_anchor"


@pytest.mark.parametrize(
    "anchor", ["", "identity", "identity:1", "identity:0:" + "a" * 64, "nobody:1:" + "a" * 64, "identity:1:xyz"]
)
async def test_a_wrong_anchor_is_told(api: Api, anchor: str) -> None:
    answer = await api.ask("/audit-events/verify", params={"anchor": anchor})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "malformed_anchor")
