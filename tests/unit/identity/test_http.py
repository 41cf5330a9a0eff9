from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.commands import keys as commands
from headworks.identity.commands.keys import KeyOrder
from headworks.identity.domain.keys import hash_key
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer
from headworks.kernel.web import Authenticator

pytestmark = pytest.mark.usefixtures("told")


SEALER = Sealer({"kek": bytes(32)}, "kek")


async def client_of(store: Store, caller: Principal) -> httpx.AsyncClient:
    """The API as `caller` uses it."""
    async with store.transaction(caller.organization_id) as unit:
        order = KeyOrder("caller", "management", permissions=sorted(caller.permissions))
        issued = await commands.create_key(unit, caller, order, now())
    assert issued.key is not None
    app = build_app({Authenticator: IdentityFacade(store, now), Store: store, Sealer: SEALER})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": f"Bearer {issued.key.reveal()}"},
    )


@pytest.fixture
async def client(store: Store, admin: Principal) -> httpx.AsyncClient:
    return await client_of(store, admin)


async def make(client: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    answer = await client.post("/keys", json={"name": "a", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def test_a_key_is_shown_once(client: httpx.AsyncClient) -> None:
    made = await make(client, name="Notebook", allowed_models=["m"], expires_at="2999-01-01T02:00:00+02:00")
    secret = made.pop("key")
    assert secret.startswith("hw_sk_")
    assert (made["prefix"], made["last4"], made["state"]) == ("hw_sk_", secret[-4:], "active")
    assert made["expires_at"] == "2999-01-01T00:00:00.000000Z"
    shown = await client.get(f"/keys/{made['id']}")
    assert shown.json()["data"] == made
    listed = await client.get("/keys", params={"kind": "inference"})
    assert listed.json()["data"] == [made]
    assert listed.json()["meta"]["total"] == 1
    for answer in (shown, listed):
        assert secret not in answer.text
        assert hash_key(secret) not in answer.text


async def test_a_key_is_imported(client: httpx.AsyncClient) -> None:
    made = await make(client, sha256=hash_key("sk-elsewhere"))
    assert (made["key"], made["last4"]) == (None, "")
    answer = await client.post("/keys", json={"name": "again", "sha256": hash_key("sk-elsewhere")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "key_exists")


async def test_null_clears_and_absence_leaves(client: httpx.AsyncClient) -> None:
    made = await make(client, allowed_models=["m"], expires_at="2999-01-01T00:00:00Z")
    answer = await client.patch(f"/keys/{made['id']}", json={"name": "b"})
    assert answer.json()["data"]["allowed_models"] == ["m"]
    answer = await client.patch(f"/keys/{made['id']}", json={"allowed_models": None, "expires_at": None})
    assert answer.json()["data"].items() >= {"name": "b", "allowed_models": None, "expires_at": None}.items()


async def test_a_key_that_signs_shows_its_secret_once_and_says_how_it_is_used(client: httpx.AsyncClient) -> None:
    made = await make(client, signing=True)
    assert (made["signs"], made["bearer"]) == (True, False)
    answer = await client.patch(f"/keys/{made['id']}", json={"bearer": True})
    assert answer.json()["data"]["bearer"] is True
    rotated = (await client.post(f"/keys/{made['id']}/rotate", json={"overlap_seconds": 60})).json()["data"]
    assert rotated["key"] not in {made["key"], None}
    bulk = await client.post("/keys/bulk", json={"keys": [{"name": "a", "signing": True}, {"name": "b"}]})
    assert [(one["signs"], one["bearer"]) for one in bulk.json()["data"]] == [(True, False), (False, True)]
    for answer in (await client.get("/keys"), await client.get(f"/keys/{made['id']}")):
        for secret in (made["key"], rotated["key"], "hw1.", "sealed", "signer_hash"):
            assert secret not in answer.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"signing": True, "sha256": "a" * 64}, "signing"),
        ({"bearer": False}, "bearer"),
        ({"signing": "yes"}, "signing"),
        ({"signing": 1}, "signing"),
        ({"signing": True, "bearer": "no"}, "bearer"),
        ({"signer_hash": "a" * 64}, "signer_hash"),
        ({"sealed_secret": "x"}, "sealed_secret"),
    ],
)
async def test_wishes_that_make_no_sense_are_refused_and_named(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await client.post("/keys", json={"name": "a", **body})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["details"][0]["field"] == field


async def test_revoking_twice_is_once(client: httpx.AsyncClient) -> None:
    made = await make(client)
    for _ in range(2):
        answer = await client.delete(f"/keys/{made['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
    revoked = (await client.get("/keys", params={"state": "revoked"})).json()["data"]
    assert [key["id"] for key in revoked] == [made["id"]]
    assert revoked[0]["revoked_at"] is not None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"name": 7}, 422, "name"),
        ({"name": "a", "kind": "root"}, 422, "kind"),
        ({"name": "a", "nmae": "b"}, 422, "nmae"),
        ({"name": "a", "id": "key_1"}, 422, "id"),
        ({"name": "a", "organization_id": "org_2"}, 422, "organization_id"),
        ({"name": "a", "expires_at": "tomorrow"}, 422, "expires_at"),
        ({"name": "a", "expires_at": "2999-01-01T00:00:00"}, 422, "expires_at"),
        ({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}, 422, "expires_at"),
        ({"name": "a", "allowed_models": []}, 422, "allowed_models"),
        ({"name": "a", "sha256": "x"}, 422, "sha256"),
        ({"name": "a", "permissions": ["keys:read"]}, 422, "permissions"),
        ({"name": "a", "kind": "management", "permissions": ["everything"]}, 422, "permissions.0"),
    ],
)
async def test_a_wrong_body_is_told_where(
    client: httpx.AsyncClient, body: dict[str, object], status: int, field: str
) -> None:
    answer = await client.post("/keys", json=body)
    assert answer.status_code == status, answer.text
    assert field in [detail["field"] for detail in answer.json()["error"]["details"]]


async def test_unknown_keys_and_projects_are_told(client: httpx.AsyncClient) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = await client.request(method, "/keys/key_9", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "key_not_found")
    answer = await client.post("/keys", json={"name": "a", "project_id": "prj_2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "project_not_found")


async def test_tenants_do_not_meet(client: httpx.AsyncClient, store: Store, stranger: Principal) -> None:
    made = await make(client)
    async with await client_of(store, stranger) as other:
        for method in ("GET", "PATCH", "DELETE"):
            answer = await other.request(method, f"/keys/{made['id']}", json={} if method == "PATCH" else None)
            assert answer.status_code == 404
        assert made["id"] not in (await other.get("/keys")).text
        assert [one["id"] for one in (await other.get("/organizations")).json()["data"]] == ["org_2"]
        assert [one["id"] for one in (await other.get("/projects")).json()["data"]] == ["prj_2"]
    assert (await client.get(f"/keys/{made['id']}")).json()["data"]["state"] == "active"
    assert [one["id"] for one in (await client.get("/organizations")).json()["data"]] == ["org_1", "org_2"]


async def test_a_child_has_no_more_rights_than_its_parent(store: Store, stranger: Principal) -> None:
    async with await client_of(store, stranger) as client:
        body = {"name": "a", "kind": "management", "permissions": ["installation:operate"]}
        answer = await client.post("/keys", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "more_than_own_rights")


async def test_of_two_editors_one_wins(client: httpx.AsyncClient) -> None:
    made = await make(client)
    seen = (await client.get(f"/keys/{made['id']}")).headers["etag"]
    answers = await asyncio.gather(
        *(
            client.patch(f"/keys/{made['id']}", json={"name": f"by {number}"}, headers={"if-match": seen})
            for number in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (winner,) = (answer for answer in answers if answer.status_code == 200)
    now_there = await client.get(f"/keys/{made['id']}")
    assert now_there.json()["data"] == winner.json()["data"]
    assert now_there.headers["etag"] == winner.headers["etag"]


async def test_what_was_changed_since_is_not_removed(client: httpx.AsyncClient) -> None:
    made = await client.post("/keys", json={"name": "a"})
    place = made.headers["location"].removeprefix("/api/v1")
    await client.patch(place, json={"name": "b"})
    refused = await client.delete(place, headers={"if-match": made.headers["etag"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "stale_version")
    assert (await client.delete(place, headers={"if-match": refused.headers["etag"]})).status_code == 204


async def test_keys_are_sorted_and_gone_through_by_cursor(client: httpx.AsyncClient) -> None:
    for name in ("b", "a", "d", "c"):
        await make(client, name=name)
    names = []
    answer = await client.get("/keys", params={"sort": "-name", "per_page": 2, "kind": "inference"})
    first = answer.json()
    assert (first["meta"]["page"], first["meta"]["total"], first["meta"]["total_pages"]) == (1, 4, 2)
    names += [key["name"] for key in first["data"]]
    assert "cursor=" in first["links"]["next"]
    assert "page=" not in first["links"]["next"].replace("per_page=", "")
    second = (await client.get(first["links"]["next"].removeprefix("/api/v1"))).json()
    assert (second["meta"]["page"], second["meta"]["total"], second["links"]["next"]) == (None, 4, None)
    assert [*names, *(key["name"] for key in second["data"])] == ["d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "secret"}, "query.sort"),
        ({"sort": ""}, "query.sort"),
        ({"cursor": ""}, "query.cursor"),
        ({"cursor": "bm8"}, "query.cursor"),
        ({"cursor": "WyJuYW1lIiwgImEiLCAiayJd"}, "query.cursor"),
        ({"cursor": "WyItY3JlYXRlZF9hdCIsMSwia2V5Il0", "page": 2}, "query.page"),
        ({"per_page": 0}, "query.per_page"),
        ({"per_page": 201}, "query.per_page"),
        ({"page": 0}, "query.page"),
    ],
)
async def test_a_list_that_cannot_be_is_refused(
    client: httpx.AsyncClient, query: dict[str, str | int], field: str
) -> None:
    answer = await client.get("/keys", params=query)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["error"]["details"]] == [field]


async def test_every_list_of_identity_is_sorted(client: httpx.AsyncClient) -> None:
    for noun, fields in {
        "organizations": "name,state,created_at",
        "projects": "name,state,created_at",
        "members": "email,name,role,created_at",
        "users": "email,name,state,created_at",
        "invitations": "email,role,created_at,expires_at",
        "service-accounts": "name,role,state,created_at",
        "keys": "name,kind,created_at",
    }.items():
        for field in fields.split(","):
            answer = await client.get(f"/{noun}", params={"sort": f"-{field}"})
            assert answer.status_code == 200, (noun, field)
        unknown = await client.get(f"/{noun}", params={"sort": "colour"})
        assert unknown.status_code == 422
        assert ", ".join(sorted(fields.split(","))) in unknown.json()["detail"]
