"""Organisations, projects, people and their keys over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.adapters.sign_in.bcrypt import Bcrypt
from headworks.identity.adapters.sign_in.memory import MemorySignIn
from headworks.identity.commands.keys import KeyOrder, create_key
from headworks.identity.commands.passwords import Passwords
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.events import EventBus
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer
from headworks.kernel.web import Authenticator
from tests.unit.identity.people import join, operate


async def client_of(store: Store, caller: Principal) -> httpx.AsyncClient:
    """The API as `caller` uses it, by a management key of theirs."""
    async with store.transaction(caller.organization_id) as unit:
        issued = await create_key(unit, caller, KeyOrder("caller", "management"), now())
    assert issued.key is not None
    passwords = Passwords(MemorySignIn(EventBus()), Bcrypt(4), now)
    provisions = {
        Authenticator: IdentityFacade(store, now),
        Store: store,
        Passwords: passwords,
        Sealer: Sealer({"kek": bytes(32)}, "kek"),
    }
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(build_app(provisions)),
        base_url="http://headworks/api/v1",
        headers={"authorization": f"Bearer {issued.key.reveal()}"},
    )


@pytest.fixture
async def root(store: Store) -> httpx.AsyncClient:
    return await client_of(store, await operate(store))


@pytest.fixture
async def ada(store: Store) -> httpx.AsyncClient:
    """An admin of the first organisation."""
    return await client_of(store, await join(store, "ada", "admin"))


async def done(client: httpx.AsyncClient, method: str, path: str, body: object = None, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = await client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if answer.content else None


async def refused(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> tuple[int, str]:
    answer = await client.request(method, path, json=body)
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_operator_makes_renames_and_disables(root: httpx.AsyncClient) -> None:
    made = await done(root, "POST", "/organizations", {"name": "Research"}, 201)
    assert (made["state"], made["version"]) == ("active", 1)
    assert await refused(root, "POST", "/organizations", {"name": "research"}) == (409, "name_in_use")
    changed = await done(root, "PATCH", f"/organizations/{made['id']}", {"name": "R&D", "state": "disabled"})
    assert (changed["name"], changed["state"], changed["version"]) == ("R&D", "disabled", 2)
    assert await done(root, "GET", f"/organizations/{made['id']}") == changed
    assert await refused(root, "PATCH", "/organizations/org_1", {"state": "disabled"}) == (409, "would_lock_out")
    assert await refused(root, "PATCH", "/organizations/org_9", {}) == (404, "organization_not_found")


async def test_an_admin_sees_their_own_organisation_alone(ada: httpx.AsyncClient) -> None:
    assert [one["id"] for one in await done(ada, "GET", "/organizations")] == ["org_1"]
    assert (await done(ada, "GET", "/organizations/org_1"))["name"] == "Organisation 1"
    theirs, absent = await ada.get("/organizations/org_2"), await ada.get("/organizations/org_9")
    assert (theirs.status_code, theirs.json()["error"]) == (404, absent.json()["error"])
    for method, path in (("POST", "/organizations"), ("PATCH", "/organizations/org_1"), ("GET", "/users")):
        assert await refused(ada, method, path, {"name": "x"}) == (403, "missing_permission")


async def test_the_keys_of_a_disabled_organisation_open_nothing(store: Store, root: httpx.AsyncClient) -> None:
    stranger = await client_of(store, await join(store, "eve", "admin", "org_2"))
    assert (await stranger.get("/keys")).status_code == 200
    await done(root, "PATCH", "/organizations/org_2", {"state": "disabled"})
    assert await refused(stranger, "GET", "/keys") == (401, "invalid_api_key")
    await done(root, "PATCH", "/organizations/org_2", {"state": "active"})
    assert (await stranger.get("/keys")).status_code == 200


async def test_the_keys_of_a_disabled_user_open_nothing(root: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    (user,) = await done(root, "GET", "/users?email=ADA@example.org")
    await done(root, "PATCH", f"/users/{user['id']}", {"state": "disabled"})
    assert await refused(ada, "GET", "/keys") == (401, "invalid_api_key")
    assert (await done(root, "GET", f"/users/{user['id']}"))["state"] == "disabled"


async def test_projects(ada: httpx.AsyncClient) -> None:
    made = await done(ada, "POST", "/projects", {"name": "Web"}, 201)
    assert await done(ada, "GET", f"/projects/{made['id']}") == made
    changed = await done(ada, "PATCH", f"/projects/{made['id']}", {"state": "archived"})
    assert changed["state"] == "archived"
    assert await refused(ada, "POST", "/keys", {"name": "k", "project_id": made["id"]}) == (409, "not_active")
    assert [one["name"] for one in await done(ada, "GET", "/projects")] == ["Project 1", "Web"]
    assert await refused(ada, "GET", "/projects/prj_2") == (404, "no_such_project")


async def test_from_an_invitation_to_a_first_key(store: Store, ada: httpx.AsyncClient) -> None:
    invited = await done(ada, "POST", "/invitations", {"email": "bob@example.org", "role": "maintainer"}, 201)
    assert invited["link"] == f"/invite/{invited['token']}"
    shown = await done(ada, "GET", f"/invitations/{invited['id']}")
    assert shown == {name: value for name, value in invited.items() if name not in {"token", "link"}}
    assert [one["id"] for one in await done(ada, "GET", "/invitations?state=pending")] == [invited["id"]]

    anybody = httpx.AsyncClient(transport=ada._transport, base_url="http://headworks/api/v1")
    joined = await done(anybody, "POST", "/invitations/accept", {"token": invited["token"], "name": "Bob"}, 201)
    assert (joined["role"], joined["account_made"]) == ("maintainer", True)
    body = {"token": invited["token"]}
    assert await refused(anybody, "POST", "/invitations/accept", body) == (404, "invitation_not_found")

    members = {one["email"]: one for one in await done(ada, "GET", "/members")}
    bob = members["bob@example.org"]
    assert bob["name"] == "Bob"
    assert (await done(ada, "PATCH", f"/members/{bob['id']}", {"role": "viewer"}))["role"] == "viewer"
    assert (await done(ada, "GET", f"/members/{bob['id']}"))["version"] == 2
    await done(ada, "DELETE", f"/members/{bob['id']}", status=204)
    assert await refused(ada, "GET", f"/members/{bob['id']}") == (404, "member_not_found")
    own = members["ada@example.org"]["id"]
    assert await refused(ada, "DELETE", f"/members/{own}") == (409, "last_admin")


async def test_who_has_a_key_of_their_own_accepts_as_themselves(store: Store, ada: httpx.AsyncClient) -> None:
    eve = await client_of(store, await join(store, "eve", "admin", "org_2"))
    invited = await done(ada, "POST", "/invitations", {"email": "eve@example.org"}, 201)
    body = {"token": invited["token"]}
    assert await refused(ada, "POST", "/invitations/accept", body) == (403, "invitation_for_somebody_else")
    anybody = httpx.AsyncClient(transport=ada._transport, base_url="http://headworks/api/v1")
    assert await refused(anybody, "POST", "/invitations/accept", body) == (401, "sign_in_to_accept")
    forged = httpx.AsyncClient(
        transport=ada._transport, base_url="http://headworks/api/v1", headers={"authorization": "Bearer x"}
    )
    assert await refused(forged, "POST", "/invitations/accept", body) == (401, "invalid_api_key")
    assert (await done(eve, "POST", "/invitations/accept", body, 201))["account_made"] is False


async def test_an_invitation_is_revoked(ada: httpx.AsyncClient) -> None:
    invited = await done(ada, "POST", "/invitations", {"email": "bob@example.org"}, 201)
    for _ in range(2):
        await done(ada, "DELETE", f"/invitations/{invited['id']}", status=204)
    assert (await done(ada, "GET", f"/invitations/{invited['id']}"))["state"] == "revoked"


async def test_service_accounts_and_their_keys(ada: httpx.AsyncClient) -> None:
    made = await done(ada, "POST", "/service-accounts", {"name": "ci", "role": "viewer"}, 201)
    order = {"name": "ci", "scopes": ["management:read"], "service_account_id": made["id"]}
    key = await done(ada, "POST", "/keys", order, 201)
    assert key["owner"] == {"kind": "service_account", "id": made["id"], "name": "ci"}
    assert key["scopes"] == ["management:read"]
    program = httpx.AsyncClient(
        transport=ada._transport, base_url="http://headworks/api/v1", headers={"authorization": f"Bearer {key['key']}"}
    )
    assert (await program.get("/projects")).status_code == 200
    assert await refused(program, "POST", "/projects", {"name": "x"}) == (403, "missing_permission")
    changed = await done(ada, "PATCH", f"/service-accounts/{made['id']}", {"state": "disabled"})
    assert changed["version"] == 2
    assert await refused(program, "GET", "/keys") == (401, "invalid_api_key")
    shown = await done(ada, "GET", f"/keys/{key['id']}")
    assert (shown["state"], shown["suspension"]) == ("suspended", "owner_disabled")
    assert [one["id"] for one in await done(ada, "GET", f"/keys?owner_id={made['id']}")] == [key["id"]]
    assert await done(ada, "GET", f"/service-accounts/{made['id']}") == changed
    assert [one["id"] for one in await done(ada, "GET", "/service-accounts?state=disabled")] == [made["id"]]


async def test_a_key_is_rotated(ada: httpx.AsyncClient) -> None:
    made = await done(ada, "POST", "/keys", {"name": "k"}, 201)
    rotated = await done(ada, "POST", f"/keys/{made['id']}/rotate", {"overlap_seconds": 60})
    assert rotated["key"] != made["key"]
    assert rotated["previous_until"] is not None
    shown = await done(ada, "GET", f"/keys/{made['id']}")
    assert shown == {name: value for name, value in rotated.items() if name != "key"}
    assert (await done(ada, "POST", f"/keys/{made['id']}/rotate", {"overlap_seconds": 0}))["previous_until"] is None


async def test_keys_are_made_in_one_go(ada: httpx.AsyncClient) -> None:
    made = await done(ada, "POST", "/keys/bulk", {"keys": [{"name": "a"}, {"name": "b"}]}, 201)
    assert [one["name"] for one in made] == ["a", "b"]
    answer = await ada.post("/keys/bulk", json={"keys": [{"name": "a"}, {"name": "b", "allowed_endpoints": ["x"]}]})
    assert answer.json()["error"]["details"][0]["field"] == "keys.1.allowed_endpoints.0"
    assert (await ada.get("/keys", params={"kind": "inference"})).json()["meta"]["total"] == 2
    for wrong in ([], [{"name": "a"}] * 1001):
        assert (await ada.post("/keys/bulk", json={"keys": wrong})).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/projects", {"name": "x", "organization_id": "org_2"}, "organization_id"),
        ("POST", "/projects", {}, "name"),
        ("POST", "/projects", {"name": "a\x00b"}, "name"),
        ("PATCH", "/projects/prj_1", {"state": "gone"}, "state"),
        ("POST", "/invitations", {"email": "x"}, "email"),
        ("POST", "/invitations", {"email": "a@b", "role": "operator"}, "role"),
        ("POST", "/invitations/accept", {"token": ""}, "token"),
        ("PATCH", "/members/mbr_1", {"role": "root"}, "role"),
        ("POST", "/service-accounts", {"name": "x", "state": "active"}, "state"),
        ("POST", "/keys", {"name": "x", "allowed_addresses": ["10.0.0.1/8"]}, "allowed_addresses.0"),
        ("POST", "/keys", {"name": "x", "scopes": ["all"]}, "scopes.0"),
        ("POST", "/keys", {"name": "x", "owner": "usr_2"}, "owner"),
        ("POST", "/keys/key_1/rotate", {"overlap_seconds": -1}, "overlap_seconds"),
    ],
)
async def test_a_wrong_body_is_told_where(
    ada: httpx.AsyncClient, method: str, path: str, body: object, field: str
) -> None:
    answer = await ada.request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in answer.json()["error"]["details"]]


@pytest.mark.parametrize("body", [{"is_operator": "yes"}, {"email": "x@y"}, {"id": "usr_1"}, {"state": "gone"}])
async def test_a_user_is_not_rewritten(root: httpx.AsyncClient, body: object) -> None:
    assert (await root.patch("/users/usr_root", json=body)).status_code == 422
