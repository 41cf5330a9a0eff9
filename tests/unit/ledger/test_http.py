"""The ledger over HTTP, in front of the twins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.kernel.clock import now
from headworks.kernel.moments import micros
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator
from headworks.ledger.contracts import Place
from headworks.ledger.ports import Ledger, Prices, ScopeNames
from tests.support.ledgers import (
    ORG,
    Everything,
    FixedPrices,
    counters_of,
    lease,
    make_budget,
    spend,
    spending,
)
from tests.support.usage_stores import Accounting, accounting_in_memory

BUDGET: dict[str, object] = {
    "name": "Everything",
    "scope": "organization",
    "amount_nanodollars": 1_500_000_000,
    "period": "month",
    "time_zone": "Europe/Berlin",
    "anchor": 15,
    "thresholds": [80, 50],
}


class Door:
    """Takes the organisation for the key; `viewer` after a slash leaves only what reads."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        organization, _, role = token.partition("/")
        held = {one for one in MANAGEMENT if one.endswith(":read")} if role else MANAGEMENT
        return Principal("key_m", "key", organization, "prj_1", frozenset(held))


@pytest.fixture
def books() -> Accounting:
    return accounting_in_memory()


@pytest.fixture
def prices() -> FixedPrices:
    return FixedPrices()


@pytest.fixture
async def client(books: Accounting, prices: FixedPrices) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app({Authenticator: Door(), Ledger: books.ledger, Prices: prices, ScopeNames: Everything()})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": f"Bearer {ORG}"},
    ) as client:
        yield client


async def made(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def refused(client: httpx.AsyncClient, method: str, path: str, **named: Any) -> tuple[int, str]:  # noqa: ANN401
    answer = await client.request(method, path, **named)
    return answer.status_code, answer.json()["error"]["code"]


async def use(books: Accounting, number: int, tokens: int, **changes: object) -> None:
    at = now()
    at_us = int(at.timestamp()) * 10**6
    await spend(books, spending(number, tokens, **({"occurred_at_us": at_us} | changes)), at=at)


async def test_a_budget_is_set_spent_raised_changed_and_removed(client: httpx.AsyncClient, books: Accounting) -> None:
    budget = await made(client, "/budgets", **BUDGET)
    assert (budget["amount"], budget["hard"], budget["thresholds"]) == (
        {"nanodollars": 1_500_000_000, "usd": "1.50"},
        True,
        [50, 80],
    )
    await use(books, 1, 750_000_000)
    path = f"/budgets/{budget['id']}"
    shown = (await client.get(path)).json()["data"]
    assert shown["current"]["spent"]["usd"] == "0.75"
    assert shown["current"]["left"]["usd"] == "0.75"
    assert [one["percent"] for one in shown["current"]["alerts"]] == [50]
    until = (now() + timedelta(days=1)).isoformat()
    more = await made(client, f"{path}/raises", amount_nanodollars=500_000_000, until=until)
    shown = await client.get(path)
    assert shown.json()["data"]["current"]["authorized"]["usd"] == "2.00"
    assert [one["id"] for one in shown.json()["data"]["raises"]] == [more["id"]]
    stale = await client.patch(path, json={"amount_nanodollars": 5}, headers={"if-match": '"1.000000000000"'})
    assert stale.status_code == 412
    tag = shown.headers["etag"]
    changed = await client.patch(path, json={"amount_nanodollars": 10**9, "hard": False}, headers={"if-match": tag})
    assert changed.json()["data"]["current"]["left"]["usd"] == "0.75"
    assert (await client.delete(f"{path}/raises/{more['id']}")).status_code == 204
    assert await refused(client, "DELETE", f"{path}/raises/{more['id']}") == (404, "raise_not_found")
    listed = (await client.get("/budgets", params={"scope": "organization", "sort": "-name"})).json()
    assert [one["id"] for one in listed["data"]] == [budget["id"]]
    assert (await client.get("/budgets", params={"scope": "key"})).json()["data"] == []
    assert (await client.delete(path)).status_code == 204
    assert await refused(client, "GET", path) == (404, "budget_not_found")
    held = await counters_of(books, Place(budget["id"], _start(shown.json()["data"])))
    assert held.spent == 750_000_000, "what it counted stays"


async def test_leases_are_seen_by_whose_budgets_they_are_of(client: httpx.AsyncClient, books: Accounting) -> None:
    assert (await client.get("/leases")).json()["data"] == []
    budget = await make_budget(books, 1000, micros(now()), name="Everything", period="total")
    for source in ("spool_1", "spool_2"):
        await lease(books, Place(budget.id, 0), 10, 300, source=source, at_us=micros(now()))
    listed = (await client.get("/leases", params={"per_page": 1})).json()
    assert (listed["meta"]["total"], len(listed["data"])) == (2, 1)
    (first,) = listed["data"]
    assert (first["gateway"], first["budget"], first["budget_id"]) == ("spool_1", "Everything", budget.id)
    assert first["amount"] == {"nanodollars": 300, "usd": "0.0000003"}
    assert first["period_end"] is None
    assert now() < datetime.fromisoformat(first["until"])
    for query, count in (
        ({"gateway": "spool_2"}, 1),
        ({"gateway": "spool_3"}, 0),
        ({"budget_id": budget.id}, 2),
        ({"budget_id": "bud_nobody"}, 0),
        ({"organization_id": "org_2"}, 0),
    ):
        assert (await client.get("/leases", params=query)).json()["meta"]["total"] == count, query
    for caller, count in (("org_2", 2), ("org_2/viewer", 0), (f"{ORG}/viewer", 2)):
        headers = {"authorization": f"Bearer {caller}"}
        answer = await client.get("/leases", params={"organization_id": ORG}, headers=headers)
        assert answer.json()["meta"]["total"] == count, caller
    assert await refused(client, "GET", "/leases", params={"gateway": "x" * 129}) == (422, "invalid_request")


def _start(budget: dict[str, Any]) -> int:
    at = datetime.fromisoformat(budget["current"]["start"])
    return int(at.timestamp()) * 10**6


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"amount_nanodollars": 0}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": -5}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": 2**80}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": 1.5}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": "5"}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": True}, "invalid_request", "amount_nanodollars"),
        ({"amount_nanodollars": None}, "invalid_request", "amount_nanodollars"),
        ({"time_zone": "Europe/Berln"}, "unknown_time_zone", "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "unknown_time_zone", "time_zone"),
        ({"scope": "key", "scope_id": "nobody"}, "unknown_scope", "scope_id"),
        ({"scope": "project", "scope_id": None}, "unknown_scope", "scope_id"),
        ({"scope": "planet"}, "invalid_request", "scope"),
        ({"period": "fortnight"}, "invalid_request", "period"),
        ({"anchor": 32}, "invalid_request", "anchor"),
        ({"anchor": 2, "period": "day"}, "invalid_request", "anchor"),
        ({"thresholds": [0]}, "invalid_request", "thresholds"),
        ({"thresholds": list(range(1, 12))}, "invalid_request", "thresholds"),
        ({"name": " "}, "invalid_request", "name"),
        ({"name": "\u202e"}, "invalid_request", "name"),
        ({"nonsense": 1}, "invalid_request", "nonsense"),
    ],
)
async def test_budgets_that_make_no_sense(
    client: httpx.AsyncClient, changes: dict[str, object], code: str, field: str
) -> None:
    answer = await client.post("/budgets", json={**BUDGET, **changes})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code), answer.text
    assert answer.json()["error"]["details"][0]["field"].startswith(field)
    assert (await client.get("/budgets")).json()["meta"]["total"] == 0


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e400"])
async def test_what_is_no_number(client: httpx.AsyncClient, amount: str) -> None:
    body = json.dumps({**BUDGET, "amount_nanodollars": 0}).replace(
        '"amount_nanodollars": 0', f'"amount_nanodollars": {amount}'
    )
    answer = await client.post("/budgets", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert (await client.get("/budgets")).json()["meta"]["total"] == 0


async def test_raises_that_make_no_sense(client: httpx.AsyncClient) -> None:
    budget = await made(client, "/budgets", **BUDGET)
    path, later = f"/budgets/{budget['id']}/raises", now() + timedelta(hours=1)
    for amount, until in ((0, later), (-1, later), (10**18, later), (5, now()), (5, now() + timedelta(days=900))):
        answer = await refused(client, "POST", path, json={"amount_nanodollars": amount, "until": until.isoformat()})
        assert answer == (422, "invalid_request")
    wish = {"amount_nanodollars": 5, "until": later.isoformat()}
    assert await refused(client, "POST", "/budgets/bud_none/raises", json=wish) == (404, "budget_not_found")
    assert await refused(client, "POST", "/budgets", json=BUDGET) == (409, "budget_exists")


async def test_another_organisations_budget_is_one_that_is_not_there(client: httpx.AsyncClient) -> None:
    budget = await made(client, "/budgets", **BUDGET)
    client.headers["authorization"] = "Bearer org_2"
    for method in ("GET", "PATCH", "DELETE"):
        body: dict[str, object] = {"json": {}} if method == "PATCH" else {}
        assert await refused(client, method, f"/budgets/{budget['id']}", **body) == (404, "budget_not_found")
    assert (await client.get("/budgets")).json()["data"] == []


async def test_the_journal_can_be_gone_through(client: httpx.AsyncClient, books: Accounting) -> None:
    before = now()
    for number in range(5):
        await use(books, number, 10)
    accounts = (await client.get("/ledger/accounts", params={"kind": "charge"})).json()["data"]
    assert [(one["key_id"], one["balance"]["nanodollars"], one["entries"]) for one in accounts] == [("key_1", 50, 5)]
    earlier = (await client.get("/ledger/accounts", params={"as_of": before.isoformat()})).json()["data"]
    assert {one["balance"]["nanodollars"] for one in earlier} == {0}
    found, link = [], "/ledger/transactions?per_page=2"
    while link:
        answer = (await client.get(link.removeprefix("/api/v1"))).json()
        found += [one["transaction"] for one in answer["data"]]
        link = answer["links"]["next"]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5
    whole = (await client.get(f"/ledger/transactions/{found[0]}")).json()["data"]
    assert sum(entry["amount"]["nanodollars"] for entry in whole["entries"]) == 0
    entries = (await client.get("/ledger/entries", params={"account": accounts[0]["account"], "per_page": 3})).json()
    assert len(entries["data"]) == 3
    following = (await client.get(entries["links"]["next"].removeprefix("/api/v1"))).json()
    assert len(following["data"]) == 2
    assert await refused(client, "GET", "/ledger/transactions/999") == (404, "transaction_not_found")
    assert await refused(client, "GET", "/ledger/entries", params={"cursor": "x"}) == (422, "invalid_request")
    assert await refused(client, "GET", "/ledger/accounts", params={"as_of": "1960-01-01T00:00:00Z"}) == (
        422,
        "invalid_request",
    )


async def test_the_proof_names_what_does_not_agree(client: httpx.AsyncClient, books: Accounting) -> None:
    budget = await made(client, "/budgets", **BUDGET)
    await use(books, 1, 10)
    proof = (await client.get("/ledger/verification")).json()["data"]
    assert (proof["agrees"], proof["finished"], proof["records"], proof["faults"]) == (True, True, 1, [])
    place = Place(budget["id"], _start(budget))
    async with books.ledger.writing(ORG) as unit:
        await unit.put_counters(replace(await counters_of(books, place), held=3))
    lines = (await client.get("/ledger/verification/progress")).text.splitlines()
    last = json.loads(lines[-1])
    assert (last["agrees"], last["finished"]) == (False, True)
    assert last["faults"] == [
        {
            "problem": "counters_differ",
            "transaction": None,
            "budget_id": budget["id"],
            "period_start": budget["current"]["start"],
            "difference": 3,
        }
    ]


async def test_the_past_is_rated_anew(client: httpx.AsyncClient, books: Accounting, prices: FixedPrices) -> None:
    await use(books, 1, 10)
    prices.set(3)
    since = {"start": "2020-01-01T00:00:00Z"}
    preview = (await client.get("/re-ratings/preview", params=since)).json()["data"]
    (fast,) = preview["models"]
    assert (fast["model"], fast["charge_before"]["nanodollars"], fast["charge_after"]["nanodollars"]) == (
        "fast",
        10,
        30,
    )
    done = await made(client, "/re-ratings", **since)
    assert done["models"] == preview["models"]
    re_rating = done["re_rating"]
    assert (await client.get(f"/re-ratings/{re_rating['id']}")).json()["data"] == re_rating
    assert (await client.get("/re-ratings")).json()["data"] == [re_rating]
    assert (await made(client, "/re-ratings", **since))["re_rating"] is None
    assert await refused(client, "GET", "/re-ratings/rer_none") == (404, "re_rating_not_found")
    assert await refused(client, "POST", "/re-ratings", json={**since, "end": since["start"]}) == (
        422,
        "invalid_request",
    )
    until = (now() - timedelta(minutes=2)).isoformat()
    await made(client, "/ledger/closed-periods", until=until)
    assert len((await client.get("/ledger/closed-periods")).json()["data"]) == 1
    assert await refused(client, "POST", "/re-ratings", json=since) == (409, "period_closed")
    assert await refused(client, "POST", "/ledger/closed-periods", json={"until": until}) == (422, "invalid_request")


async def test_mark_ups(client: httpx.AsyncClient, books: Accounting) -> None:
    ours = await made(client, "/mark-ups", ppm=150_000)
    theirs = await made(client, "/mark-ups", ppm=-1, organization_id="org_2", valid_from="2026-01-01T00:00:00Z")
    assert [one["id"] for one in (await client.get("/mark-ups")).json()["data"]] == [ours["id"]]
    of_theirs = {"organization_id": "org_2"}
    assert [one["id"] for one in (await client.get("/mark-ups", params=of_theirs)).json()["data"]] == [theirs["id"]]
    await use(books, 1, 100, occurred_at_us=int((now() + timedelta(seconds=2)).timestamp()) * 10**6)
    accounts = (await client.get("/ledger/accounts", params={"kind": "margin"})).json()["data"]
    assert [one["balance"]["nanodollars"] for one in accounts] == [-15]
    for ppm in (-1_000_001, 10**9, 1.5):
        assert await refused(client, "POST", "/mark-ups", json={"ppm": ppm}) == (422, "invalid_request")
    again = {"ppm": 5, "organization_id": "org_2", "valid_from": "2026-01-01T00:00:00Z"}
    assert await refused(client, "POST", "/mark-ups", json=again) == (409, "mark_up_exists")
    assert await refused(client, "POST", "/mark-ups", json={"ppm": 5, "organization_id": "nobody"}) == (
        422,
        "unknown_scope",
    )
    assert await refused(client, "DELETE", f"/mark-ups/{theirs['id']}") == (404, "mark_up_not_found")
    assert (await client.delete(f"/mark-ups/{theirs['id']}", params=of_theirs)).status_code == 204


async def test_who_only_reads_sees_no_other_organisations_mark_up(client: httpx.AsyncClient) -> None:
    await made(client, "/mark-ups", ppm=7, organization_id="org_2")
    client.headers["authorization"] = f"Bearer {ORG}/viewer"
    assert (await client.get("/mark-ups", params={"organization_id": "org_2"})).json()["data"] == []
    assert await refused(client, "POST", "/mark-ups", json={"ppm": 7}) == (403, "missing_permission")
