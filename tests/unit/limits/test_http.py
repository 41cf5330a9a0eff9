from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.kernel.events import EventBus
from headworks.kernel.kept import Ages
from headworks.kernel.permissions import MANAGEMENT, Permission
from headworks.kernel.principal import Principal
from headworks.kernel.scopes import Scope
from headworks.kernel.web import Authenticator
from headworks.limits.adapters.memory import MemoryLimits
from headworks.limits.contracts import LimitsChanged, Subject
from headworks.limits.facade import LimitsFacade
from headworks.limits.ports import LimitStore, Scopes

THERE = {("project", "prj_1"), ("user", "usr_1"), ("key", "key_1"), ("model", "fast"), ("organization", "org_1")}


class Known:
    async def has(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        return (scope, scope_id) in THERE and organization_id == "org_1"


class Gatekeeper:
    permissions: frozenset[Permission] = MANAGEMENT

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        return Principal("key_1", "key", token, "prj_1", self.permissions)


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def store(bus: EventBus) -> MemoryLimits:
    return MemoryLimits(bus.publish)


@pytest.fixture
async def client(store: MemoryLimits, gatekeeper: Gatekeeper) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app({Authenticator: gatekeeper, LimitStore: store, Scopes: Known()})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer org_1"},
    ) as client:
        yield client


async def made(client: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    answer = await client.post("/limits", json=body)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def refusal(answer: httpx.Response) -> tuple[int, str, list[str]]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    error = answer.json()["error"]
    return answer.status_code, error["code"], [detail["field"] for detail in error["details"]]


async def test_a_limit_from_beginning_to_end(client: httpx.AsyncClient, store: MemoryLimits) -> None:
    limit = await made(client, scope="key", scope_id="key_1", unit="spend", window="day", amount=2_500_000_000)
    assert (limit["amount_usd"], limit["version"]) == ("2.50", 1)
    shown = await client.get(f"/limits/{limit['id']}")
    assert shown.json()["data"] == limit
    changed = await client.patch(
        f"/limits/{limit['id']}", json={"amount": 5}, headers={"if-match": shown.headers["etag"]}
    )
    assert (changed.json()["data"]["amount"], changed.json()["data"]["version"]) == (5, 2)
    late = await client.patch(f"/limits/{limit['id']}", json={"amount": 6}, headers={"if-match": shown.headers["etag"]})
    assert refusal(late)[:2] == (412, "stale_version")
    assert (await client.delete(f"/limits/{limit['id']}")).status_code == 204
    assert refusal(await client.get(f"/limits/{limit['id']}"))[:2] == (404, "limit_not_found")
    assert [entry.action for entry in store.trail.entries] == ["limit.created", "limit.changed", "limit.removed"]


async def test_a_limit_on_the_organization_needs_no_id(client: httpx.AsyncClient) -> None:
    limit = await made(client, scope="organization", unit="concurrent", amount=10)
    assert (limit["scope_id"], limit["window"], limit["amount_usd"]) == ("org_1", None, None)


async def test_lists_are_filtered_and_sorted(client: httpx.AsyncClient) -> None:
    for amount, (scope, scope_id) in enumerate(sorted(THERE), 1):
        await made(client, scope=scope, scope_id=scope_id, unit="tokens", window="minute", amount=amount)
    await made(client, scope="key", scope_id="key_1", unit="requests", window="minute", amount=9)
    everything = (await client.get("/limits", params={"sort": "-amount"})).json()
    assert [one["amount"] for one in everything["data"]] == [9, 5, 4, 3, 2, 1]
    of_key = (await client.get("/limits", params={"scope": "key", "scope_id": "key_1", "unit": "tokens"})).json()
    assert [one["amount"] for one in of_key["data"]] == [1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"amount": 1.5}, "body.amount"),
        ({"amount": "60"}, "body.amount"),
        ({"amount": True}, "body.amount"),
        ({"amount": None}, "body.amount"),
        ({"unit": "money"}, "body.unit"),
        ({"window": None}, "window"),
        ({"window": "fortnight"}, "body.window"),
        ({"unit": "concurrent"}, "window"),
        ({"scope": "planet"}, "body.scope"),
        ({"scope_id": "key_2"}, "scope_id"),
        ({"scope_id": None}, "scope_id"),
        ({"scope": "organization", "scope_id": "org_2"}, "scope_id"),
        ({"organization_id": "org_2"}, "body.organization_id"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, change: dict[str, object], field: str) -> None:
    body = {"scope": "key", "scope_id": "key_1", "unit": "requests", "window": "minute", "amount": 60} | change
    status, _, fields = refusal(await client.post("/limits", json=body))
    assert (status, [name.removeprefix("body.") for name in fields]) == (422, [field.removeprefix("body.")])
    assert (await client.get("/limits")).json()["data"] == []


async def test_not_a_number_is_no_amount(client: httpx.AsyncClient) -> None:
    body = '{"scope": "key", "scope_id": "key_1", "unit": "requests", "window": "minute", "amount": NaN}'
    answer = await client.post("/limits", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


async def test_twice_the_same_is_a_conflict(client: httpx.AsyncClient) -> None:
    body = {"scope": "model", "scope_id": "fast", "unit": "tokens", "window": "minute", "amount": 60}
    await made(client, **body)
    assert refusal(await client.post("/limits", json=body | {"amount": 61}))[:2] == (409, "limit_exists")


async def test_who_may_only_read_changes_nothing(client: httpx.AsyncClient, gatekeeper: Gatekeeper) -> None:
    limit = await made(client, scope="key", scope_id="key_1", unit="requests", window="minute", amount=1)
    gatekeeper.permissions = frozenset({"limits:read"})
    assert (await client.get("/limits")).status_code == 200
    for answer in (
        await client.post("/limits", json={"scope": "organization", "unit": "concurrent", "amount": 1}),
        await client.patch(f"/limits/{limit['id']}", json={"amount": 2}),
        await client.delete(f"/limits/{limit['id']}"),
    ):
        assert answer.status_code == 403
    other = {"authorization": "Bearer org_2"}
    assert (await client.get(f"/limits/{limit['id']}", headers=other)).status_code == 404


async def test_the_gateway_hears_of_each_change(client: httpx.AsyncClient, store: MemoryLimits, bus: EventBus) -> None:
    facade = LimitsFacade(store, Ages(check=1_000))
    bus.subscribe(LimitsChanged, facade.changed)
    subject = Subject("org_1", "prj_1", "key_1", None, "fast")
    assert (await facade.limits_for(subject)).limits == ()
    limit = await made(client, scope="model", scope_id="fast", unit="tokens", window="hour", amount=60)
    (found,) = (await facade.limits_for(subject)).limits
    assert (found.id, found.window_seconds) == (limit["id"], 3600)
    assert (await facade.limits_for(Subject("org_2", "prj_1", "key_1", None, "fast"))).limits == ()
    await client.delete(f"/limits/{limit['id']}")
    assert (await facade.limits_for(subject)).limits == ()
