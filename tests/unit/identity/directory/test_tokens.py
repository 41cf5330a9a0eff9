"""What a directory proves itself by, over HTTP: made, shown once, listed, used, revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from headworks.identity.domain.directory import generate_directory_token, hash_directory_token, is_well_formed
from headworks.identity.errors import InvalidKey
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.permissions import PROVISIONING
from tests.unit.identity.conftest import NOON
from tests.unit.identity.people import join, operate
from tests.unit.identity.test_http_people import client_of, done, refused

SCIM = "http://headworks/scim/v2"


@pytest.fixture
async def ada(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """An admin of the first organisation."""
    client = await client_of(store, await join(store, "ada", "admin"))
    yield client
    await client.aclose()


async def use(client: httpx.AsyncClient, token: str, path: str = f"{SCIM}/Users") -> httpx.Response:
    return await client.get(path, headers={"authorization": f"Bearer {token}"})


async def test_a_token_is_shown_once_and_kept_as_a_hash(ada: httpx.AsyncClient, store: Store) -> None:
    made = await done(ada, "POST", "/directory-tokens", {"name": "Entra ID"}, 201)
    secret = made["token"]
    assert is_well_formed(secret)
    assert (made["state"], made["last4"], made["last_used_at"]) == ("active", secret[-4:], None)
    listed = await done(ada, "GET", "/directory-tokens")
    assert secret not in str(listed)
    assert [one["id"] for one in listed] == [made["id"]]
    assert (await use(ada, secret)).status_code == 200
    shown = await done(ada, "GET", f"/directory-tokens/{made['id']}")
    assert shown["last_used_at"] is not None
    async with store.overlook() as overview:
        assert await overview.directory_token_by_hash(secret) is None
        assert await overview.directory_token_by_hash(hash_directory_token(secret)) is not None


async def test_a_revoked_token_opens_nothing(ada: httpx.AsyncClient) -> None:
    made = await done(ada, "POST", "/directory-tokens", {"name": "Okta"}, 201)
    for _ in range(2):
        assert (await ada.delete(f"/directory-tokens/{made['id']}")).status_code == 204
    assert (await use(ada, made["token"])).status_code == 401
    assert (await done(ada, "GET", f"/directory-tokens/{made['id']}"))["state"] == "revoked"
    stale = await ada.delete(f"/directory-tokens/{made['id']}", headers={"if-match": '"1.000000000000"'})
    assert stale.status_code == 412


async def test_a_token_opens_nothing_but_its_own_door(ada: httpx.AsyncClient) -> None:
    token = (await done(ada, "POST", "/directory-tokens", {"name": "Okta"}, 201))["token"]
    for path in ("/keys", "/members", "/directory-tokens", "/directory", "/me", "/users"):
        answer = await use(ada, token, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_permission")
    headers = {"authorization": f"Bearer {token}"}
    accepted = await ada.post("/invitations/accept", json={"token": "x"}, headers=headers)
    assert accepted.status_code == 404


async def test_no_other_key_opens_its_door(ada: httpx.AsyncClient, store: Store) -> None:
    root = await client_of(store, await operate(store))
    for client in (ada, root):
        answer = await client.get(f"{SCIM}/Users")
        assert (answer.status_code, answer.json()["status"]) == (403, "403")


async def test_what_is_no_token(ada: httpx.AsyncClient) -> None:
    for wrong in (generate_directory_token().reveal(), "hw_dt_short", "hw_dt_" + "é" * 38, "hw_dt_" + "x" * 5_000):
        answer = await ada.get(f"{SCIM}/Users", headers={b"authorization": f"Bearer {wrong}".encode()})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert wrong not in answer.text


async def test_a_token_ends_with_its_time(ada: httpx.AsyncClient, store: Store) -> None:
    past = {"name": "Okta", "expires_at": "2020-01-01T00:00:00Z"}
    assert await refused(ada, "POST", "/directory-tokens", past) == (422, "invalid_request")
    soon = now() + timedelta(days=1)
    made = await done(ada, "POST", "/directory-tokens", {"name": "Okta", "expires_at": soon.isoformat()}, 201)
    assert (await IdentityFacade(store, now).authenticate(made["token"])).permissions == PROVISIONING
    with pytest.raises(InvalidKey, match="expired since"):
        await IdentityFacade(store, lambda: soon).authenticate(made["token"])


async def test_the_last_use_is_noted_once_a_minute(ada: httpx.AsyncClient, store: Store) -> None:
    made = await done(ada, "POST", "/directory-tokens", {"name": "Okta"}, 201)

    async def used_at(seconds: float) -> object:
        moment = NOON + timedelta(seconds=seconds)
        await IdentityFacade(store, lambda: moment).authenticate(made["token"])
        async with store.read("org_1") as reading:
            found = await reading.directory.tokens.get(made["id"])
        assert found is not None
        return found.last_used_at

    assert [await used_at(after) for after in (0, 59, 60)] == [NOON, NOON, NOON + timedelta(seconds=60)]


async def test_a_disabled_organisation_hears_no_directory(ada: httpx.AsyncClient, store: Store) -> None:
    token = (await done(ada, "POST", "/directory-tokens", {"name": "Okta"}, 201))["token"]
    root = await client_of(store, await operate(store))
    async with store.operate() as unit:
        from dataclasses import replace  # noqa: PLC0415 - for this one

        found = await unit.organizations.get("org_1")
        assert found is not None
        await unit.organizations.replace(replace(found, state="disabled", version=found.version + 1))
    assert (await use(root, token)).status_code == 401


async def test_only_who_could_make_an_admin_makes_a_token(ada: httpx.AsyncClient, store: Store) -> None:
    body = {"name": "limited", "kind": "management", "permissions": ["members:read", "members:write"]}
    key = (await done(ada, "POST", "/keys", body, 201))["key"]
    limited = httpx.AsyncClient(
        transport=ada._transport, base_url=ada.base_url, headers={"authorization": f"Bearer {key}"}
    )
    assert await refused(limited, "POST", "/directory-tokens", {"name": "x"}) == (403, "more_than_own_rights")
    assert await refused(limited, "PATCH", "/directory", {"default_role": "admin"}) == (403, "more_than_own_rights")
    maintainer = await client_of(store, await join(store, "mia", "maintainer"))
    assert await refused(maintainer, "POST", "/directory-tokens", {"name": "x"}) == (403, "missing_permission")
    assert await refused(maintainer, "GET", "/directory-groups") == (403, "missing_permission")


async def test_an_admin_sets_what_the_directory_gives(ada: httpx.AsyncClient) -> None:
    assert (await done(ada, "GET", "/directory"))["default_role"] == "viewer"
    changed = await done(ada, "PATCH", "/directory", {"default_role": "maintainer"})
    assert (changed["id"], changed["version"]) == ("org_1", 2)
    assert await refused(ada, "PATCH", "/directory", {"default_role": "owner"}) == (422, "invalid_request")
    token = (await done(ada, "POST", "/directory-tokens", {"name": "Okta"}, 201))["token"]
    headers = {"authorization": f"Bearer {token}"}
    made = await ada.post(f"{SCIM}/Groups", json={"displayName": "Engineers"}, headers=headers)
    assert made.status_code == 201, made.text
    group = made.json()["id"]
    (listed,) = await done(ada, "GET", "/directory-groups")
    assert (listed["id"], listed["name"], listed["role"]) == (group, "Engineers", None)
    mapped = await done(ada, "PATCH", f"/directory-groups/{group}", {"role": "admin"})
    assert (mapped["role"], mapped["version"]) == ("admin", 2)
    assert (await done(ada, "GET", f"/directory-groups/{group}"))["role"] == "admin"
    assert (await done(ada, "PATCH", f"/directory-groups/{group}", {"role": None}))["role"] is None
    assert await refused(ada, "PATCH", f"/directory-groups/{group}", {}) == (422, "invalid_request")
    assert await refused(ada, "PATCH", "/directory-groups/dgr_x", {"role": None}) == (404, "directory_group_not_found")
    assert await refused(ada, "GET", "/directory-tokens/dtk_x") == (404, "directory_token_not_found")
    assert await refused(ada, "DELETE", "/directory-tokens/dtk_x") == (404, "directory_token_not_found")
