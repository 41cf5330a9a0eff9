from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.kernel.clock import now
from headworks.kernel.objects import Objects
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator, provide
from headworks.usage.adapters.memory import MemoryStore
from headworks.usage.adapters.parquet import ArrowTables
from headworks.usage.commands import keep_from
from headworks.usage.ports import Backlog, Names, Tables, UsageStore
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import ingest
from tests.support.memory_objects import MemoryObjects
from tests.support.usage_stores import memory_usage
from tests.unit.usage.conftest import NOON, NOON_US, Prices, event

EVERYTHING = {"from": "2026-01-01", "to": "2026-01-31"}


class Others:
    """The authenticator, the names of things, and the spool."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        held = MANAGEMENT if token == "org_1" else MANAGEMENT - {"installation:operate"}
        return Principal("key_m", "key", token.removesuffix("-viewer"), "prj_1", held)

    async def names(self, organization_id: str | None, dimension: str, ids: frozenset[str]) -> dict[str, str]:
        known = {("org_1", "key"): {"key_1": "Notebook"}, (None, "organization"): {"org_2": "Second"}}
        return {one: name for one, name in known.get((organization_id, dimension), {}).items() if one in ids}

    def waiting(self) -> int | None:
        return 7


@pytest.fixture
def memory() -> MemoryStore:
    return memory_usage()


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
async def client(memory: MemoryStore, prices: Prices, objects: MemoryObjects) -> AsyncIterator[httpx.AsyncClient]:
    events = [
        event(1),
        event(2, key_id="key_2", model="slow", upstream_model="other", usage_flags="contradicts:40,counted:bytes"),
        event(3, organization_id="org_2"),
        event(4, occurred_at_us=NOON_US - 86_400 * 10**6, outcome="cancelled", usage_source="estimated"),
    ]
    await ingest(memory, prices, events, clock=lambda: NOON)
    others = Others()
    provisions: dict[type, object] = {
        Authenticator: others,
        UsageStore: memory,
        Names: others,
        Backlog: others,
        Tables: ArrowTables(),
        Objects: objects,
        UsageSettings: UsageSettings(),
    }
    app = build_app(provisions)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer org_1"},
    ) as client:
        yield client


async def shown(client: httpx.AsyncClient, path: str, **query: str | int) -> dict[str, Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_usage_by_key_model_and_day(client: httpx.AsyncClient) -> None:
    body = await shown(client, "/usage", **EVERYTHING)
    data = body["data"]
    shown_first = [
        "key_id",
        "key_name",
        "model",
        "day",
        "requests",
        "input_tokens",
        "output_tokens",
        "estimated_requests",
        "errors",
    ]
    shown_first += ["cost_nanodollars", "cost_usd", "unpriced_requests"]
    assert [{name: row[name] for name in shown_first} for row in data["rows"]] == [
        {
            "key_id": "key_1",
            "key_name": "Notebook",
            "model": "fast",
            "day": "2026-01-02",
            "requests": 1,
            "input_tokens": 110,
            "output_tokens": 25,
            "estimated_requests": 0,
            "errors": 0,
            "cost_nanodollars": 3_700_000,
            "cost_usd": "0.0037",
            "unpriced_requests": 0,
        },
        {
            "key_id": "key_2",
            "key_name": None,
            "model": "slow",
            "day": "2026-01-02",
            "requests": 1,
            "input_tokens": 110,
            "output_tokens": 25,
            "estimated_requests": 0,
            "errors": 0,
            "cost_nanodollars": 0,
            "cost_usd": "0.00",
            "unpriced_requests": 1,
        },
        {
            "key_id": "key_1",
            "key_name": "Notebook",
            "model": "fast",
            "day": "2026-01-01",
            "requests": 1,
            "input_tokens": 110,
            "output_tokens": 25,
            "estimated_requests": 1,
            "errors": 0,
            "cost_nanodollars": 3_700_000,
            "cost_usd": "0.0037",
            "unpriced_requests": 0,
        },
    ]
    assert (data["totals"]["requests"], data["totals"]["cost_usd"]) == (3, "0.0074")
    assert (data["first_day"], data["last_day"], data["group_by"]) == (
        "2026-01-01",
        "2026-01-31",
        ["key", "model", "day"],
    )
    assert data["as_of"] == "2026-01-02T12:00:00.000000Z"
    assert body["meta"]["total"] == 3


async def test_usage_is_split_as_asked(client: httpx.AsyncClient) -> None:
    rows = (await shown(client, "/usage", group_by="model", **EVERYTHING))["data"]["rows"]
    assert [(row["key_id"], row["model"], row["day"], row["requests"]) for row in rows] == [
        (None, "fast", None, 2),
        (None, "slow", None, 1),
    ]
    (whole,) = (await shown(client, "/usage", group_by="", **EVERYTHING))["data"]["rows"]
    assert whole["requests"] == 3
    (only,) = (await shown(client, "/usage", group_by="key", key_id="key_2", **EVERYTHING))["data"]["rows"]
    assert only["key_id"] == "key_2"
    assert (await shown(client, "/usage", model="none", **EVERYTHING))["data"]["rows"] == []


async def test_usage_has_pages(client: httpx.AsyncClient) -> None:
    body = await shown(client, "/usage", per_page=2, page=2, **EVERYTHING)
    assert [row["day"] for row in body["data"]["rows"]] == ["2026-01-01"]
    assert body["data"]["totals"]["requests"] == 3
    assert body["links"]["next"] is None
    assert "page=1" in body["links"]["prev"]


async def test_before_the_first_request_there_is_nothing(client: httpx.AsyncClient, memory: MemoryStore) -> None:
    client.headers["authorization"] = "Bearer org_new"
    data = (await shown(client, "/usage"))["data"]
    assert (data["rows"], data["totals"]["requests"], data["totals"]["cost_usd"]) == ([], 0, "0.00")
    today = now().date()
    assert date.fromisoformat(data["first_day"]) in (today - timedelta(days=29), today - timedelta(days=30))


async def test_single_requests(client: httpx.AsyncClient) -> None:
    body = await shown(client, "/usage-events")
    assert [one["event_id"] for one in body["data"]] == ["req_2", "req_1", "req_4"]
    first = body["data"][1]
    assert first | {"occurred_at": "2026-01-02T12:00:00.000000Z", "input_tokens": 100, "cost_usd": "0.0037"} == first
    assert first["price_id"] == "prc_1"
    assert (body["data"][0]["cost_nanodollars"], body["data"][0]["cost_usd"]) == (None, None)
    assert [one["delivered_tokens"] for one in body["data"]] == [40, None, None]
    assert "organization_id" not in first


async def test_single_requests_are_filtered(client: httpx.AsyncClient) -> None:
    for query, wanted in (
        ({"key_id": "key_2"}, ["req_2"]),
        ({"contradicted": "true"}, ["req_2"]),
        ({"contradicted": "false"}, ["req_1", "req_4"]),
        ({"model": "fast"}, ["req_1", "req_4"]),
        ({"outcome": "cancelled"}, ["req_4"]),
        ({"event_id": "req_1"}, ["req_1"]),
        ({"from": "2026-01-02T00:00:00Z"}, ["req_2", "req_1"]),
        ({"to": "2026-01-02T13:00:00+01:00"}, ["req_4"]),
        ({"event_id": "req_3"}, []),
    ):
        found = [one["event_id"] for one in (await shown(client, "/usage-events", **query))["data"]]
        assert found == wanted, query


async def test_single_requests_go_on_by_cursor(client: httpx.AsyncClient) -> None:
    seen: list[str] = []
    address: str | None = "/usage-events?per_page=1&model=fast"
    while address is not None:
        body = (await client.get(address.removeprefix("/api/v1"))).json()
        seen += [one["event_id"] for one in body["data"]]
        address = body["links"]["next"]
    assert seen == ["req_1", "req_4"]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/usage?group_by=key,colour", "query.group_by"),
        ("/usage?from=2026-01-02&to=2026-01-01", "query.from"),
        ("/usage?from=yesterday", "query.from"),
        ("/usage?per_page=0", "query.per_page"),
        ("/usage?per_page=1001", "query.per_page"),
        ("/usage?page=0", "query.page"),
        ("/usage?from=2026-01-01&to=2026-01-02T00:00:00Z", "query.to"),
        ("/usage?from=2026-01-01T00:00:00", "query.from"),
        ("/usage?from=NaN", "query.from"),
        ("/usage?from=1767225600", "query.from"),
        ("/usage?from=0001-01-01", "query.from"),
        ("/usage?to=9999-12-31", "query.to"),
        ("/usage?from=2026-01-01&group_by=minute", "query.from"),
        ("/usage?from=1999-01-01&group_by=hour", "query.from"),
        ("/usage?group_by=tag:", "query.group_by"),
        ("/usage?group_by=tag:%00", "query.group_by"),
        ("/usage?group_by=tag:a,tag:b,tag:c,tag:d,tag:e", "query.group_by"),
        ("/usage?tag=team", "query.tag"),
        ("/usage?tag=:x", "query.tag"),
        ("/usage?tag=a:%00", "query.tag"),
        ("/usage?status=-1", "query.status"),
        ("/usage?status=NaN", "query.status"),
        ("/usage?status=99999999999999999999", "query.status"),
        ("/usage?time_zone=Mars/Olympus", "query.time_zone"),
        ("/usage?sort=colour", "query.sort"),
        ("/usage?compare=next", "query.compare"),
        ("/usage?compare=previous&group_by=day", "query.compare"),
        ("/usage/forecast?period=year", "query.period"),
        ("/usage/export?format=xls", "query.format"),
        ("/usage-rebuilds/check?day=tomorrow", "query.day"),
        ("/usage-rebuilds/check?day=8000-01-01", "query.day"),
        ("/usage?colour=red", "query.colour"),
        ("/usage-events?cursor=x", "query.cursor"),
        ("/usage-events?cursor=WyJhIiwxXQ", "query.cursor"),
        ("/usage-events?from=2026-01-01T00:00:00", "query.from"),
        ("/usage-events?outcome=fine", "query.outcome"),
        ("/usage-events?per_page=201", "query.per_page"),
        ("/usage-events?contradicted=maybe", "query.contradicted"),
    ],
)
async def test_questions_that_are_refused(client: httpx.AsyncClient, address: str, field: str) -> None:
    answer = await client.get(address)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]


async def rows(client: httpx.AsyncClient, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shown(client, "/usage", **(EVERYTHING | query)))["data"]["rows"]
    return found


async def test_usage_of_everybody_is_for_operators(client: httpx.AsyncClient) -> None:
    split = await rows(client, group_by="organization", organization_id="*")
    assert [(row["organization_id"], row["organization_name"], row["requests"]) for row in split] == [
        ("org_1", None, 3),
        ("org_2", "Second", 1),
    ]
    assert [row["requests"] for row in await rows(client, group_by="", organization_id="org_2")] == [1]
    client.headers["authorization"] = "Bearer org_1-viewer"
    for other in ("org_2", "*", "org_none"):
        assert await rows(client, group_by="key", organization_id=other) == []
    assert len(await rows(client, group_by="organization", organization_id="org_1")) == 1
    for path in ("/usage-rebuilds", "/usage-rebuilds/check?day=2026-01-02"):
        assert (await client.get(path)).status_code == 403


async def test_what_injects_finds_nothing(client: httpx.AsyncClient) -> None:
    for text in ("' OR 1=1 --", "%", "_", '"; DROP TABLE usage_events; --'):
        assert await rows(client, group_by=f"tag:{text}", tag=f"team:{text}", model=text) == []


async def test_a_report_says_what_it_is_of(client: httpx.AsyncClient) -> None:
    data = (await shown(client, "/usage", group_by="outcome", sort="-requests", **EVERYTHING))["data"]
    assert [(row["outcome"], row["requests"]) for row in data["rows"]] == [("success", 2), ("cancelled", 1)]
    assert (data["start"], data["end"]) == ("2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z")
    assert (data["waiting_records"], data["days_being_made"], data["time_zone"]) == (7, 0, "UTC")
    span = {"from": "2026-01-02", "to": "2026-01-02", "group_by": "key", "compare": "previous"}
    data = (await shown(client, "/usage", **span))["data"]
    changes = {row["key_id"]: (row["previous"]["requests"], row["charge_change_ppm"]) for row in data["rows"]}
    assert changes == {"key_1": (1, 0), "key_2": (0, None)}
    assert data["previous"]["requests"] == 1


async def test_files_are_whole_and_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/usage/export", params={**EVERYTHING, "group_by": "key,day"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="usage.csv"' in answer.headers["content-disposition"]
    head, *lines = answer.text.split("\r\n")
    assert head.startswith("key_id,key_name,day,requests,input_tokens")
    assert lines[0].startswith("key_1,Notebook,2026-01-02,1,110")
    assert len(lines) == 4
    answer = await client.get("/usage-events/export", params={"format": "parquet"})
    assert answer.content[:4] == answer.content[-4:] == b"PAR1"


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_files_are_stored_as_they_would_be_downloaded(client: httpx.AsyncClient, objects: MemoryObjects) -> None:
    for path, query in (("/usage/export", {**EVERYTHING, "group_by": "key,day"}), ("/usage-events/export", {})):
        downloaded = (await client.get(path, params=query)).content
        *_, last = lines_of(await client.post(path, params=query))
        name = last["name"]
        assert name.startswith(f"org_1/{path.split('/')[1]}/"), "each organisation has a place of its own"
        assert (name.endswith(".csv"), objects.stored[name]) == (True, downloaded)
        assert (last["bytes"], last["error"]) == (len(downloaded), None)
        assert last["link"] == f"https://objects.example/{name}?for=3600"
        assert last["link_expires_at"] > now().isoformat()
    *_, last = lines_of(await client.post("/usage-events/export", params={"format": "parquet"}))
    assert objects.stored[last["name"]][:4] == b"PAR1"


async def test_what_cannot_be_stored_is_said(
    client: httpx.AsyncClient, memory: MemoryStore, objects: MemoryObjects
) -> None:
    objects.breaks_off = True
    (told,) = lines_of(await client.post("/usage-events/export"))
    assert (told["error"]["code"], told["link"], told["name"]) == ("object_store_unavailable", None, None)
    objects.away = "It does not answer."
    assert (await client.post("/usage-events/export")).status_code == 503
    objects.away = ""
    assert (await client.post("/usage/export?format=xls")).status_code == 422
    assert await keep_from(memory, NOON_US)
    assert (await client.post("/usage-events/export?from=2026-01-01T00:00:00Z")).status_code == 422
    assert objects.stored == {}


async def test_without_an_object_store_it_is_said_how_there_would_be_one(client: httpx.AsyncClient) -> None:
    app = client._transport.app  # type: ignore[attr-defined]
    provide(app, Objects, None)
    answer = await client.post("/usage/export", params=EVERYTHING)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "object_store_not_set")
    assert "HEADWORKS_OBJECTS_URL" in answer.json()["detail"]


async def test_sums_are_made_anew_on_request(client: httpx.AsyncClient) -> None:
    answer = await client.post("/usage-rebuilds", json={"first_day": "2026-01-01", "last_day": "2026-01-02"})
    assert answer.status_code == 202
    assert answer.json()["data"] == {"days": ["2026-01-02", "2026-01-01"]}
    data = (await shown(client, "/usage", group_by="", **EVERYTHING))["data"]
    assert data["days_being_made"] == 2
    checked = (await shown(client, "/usage-rebuilds/check", day="2026-01-02"))["data"]
    assert (checked["wrong"], checked["nanodollars"]) == (0, 0)
    assert checked["sums"] > 0
    for body in ({"first_day": "2026-01-02", "last_day": "2026-01-01"}, {"first_day": "NaN"}, {"from": "2026-01-01"}):
        assert (await client.post("/usage-rebuilds", json=body)).status_code == 422


async def test_what_is_not_kept_is_refused_and_never_half_answered(
    client: httpx.AsyncClient, memory: MemoryStore
) -> None:
    assert await keep_from(memory, NOON_US)
    for path, query in (
        ("/usage-events", {"from": "2026-01-01T00:00:00Z"}),
        ("/usage-events/export", {"from": "2026-01-01T00:00:00Z", "format": "csv"}),
        ("/usage-rebuilds/check", {"day": "2026-01-01"}),
    ):
        answer = await client.get(path, params=query)
        assert (answer.status_code, "not kept" in answer.text) == (422, True), (path, answer.text)
    answer = await client.post("/usage-rebuilds", json={"first_day": "2026-01-01"})
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "first_day"), answer.text
    assert (await client.get("/usage-events", params={"from": "2026-01-02T12:00:00Z"})).status_code == 200
    assert (await client.get("/usage-events")).json()["data"], "what there is, is listed"


async def test_operators_see_what_was_put_aside(client: httpx.AsyncClient, memory: MemoryStore, prices: Prices) -> None:
    assert (await shown(client, "/rejected-usage-events"))["data"] == []
    await ingest(memory, prices, [event(7, input_tokens=-1), event(8, input_tokens=-2)], clock=lambda: NOON)
    first = await shown(client, "/rejected-usage-events", per_page=1)
    assert set(first["data"][0]) == {"id", "rejected_at", "reason", "event"}
    following = await client.get(first["links"]["next"].removeprefix("/api/v1"))
    (second,) = following.json()["data"]
    both = [first["data"][0], second]
    assert len({one["id"] for one in both}) == 2
    assert all("input_tokens" in one["reason"] for one in both)
    assert following.json()["links"]["next"] is None
    assert (await client.get("/rejected-usage-events", params={"cursor": "nonsense"})).status_code == 422
    viewer = {"authorization": "Bearer org_1-viewer"}
    assert (await client.get("/rejected-usage-events", headers=viewer)).status_code == 403
