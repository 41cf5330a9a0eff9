"""A directory over real sockets: the compliance tester, an ordinary client, and leavers who lose access at once."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import NotFoundException, PatchOp
from scim2_tester import Status, check_server

from tests.e2e.test_access import ask, code
from tests.e2e.test_sign_in import call, code_of, enter, login
from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "eleven quartz vows"
OFF = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
ON = {"Operations": [{"op": "replace", "path": "active", "value": True}]}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headworks]:
    with Headworks(tmp_path_factory.mktemp("directory") / "home", password_cost="10") as headworks:
        yield headworks


@pytest.fixture
def token(installation: Headworks) -> str:
    return str(installation.management.post("/directory-tokens", {"name": "Directory"})["token"])


@pytest.fixture
def scim(installation: Headworks, token: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(
        base_url=f"{installation.url}/scim/v2",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


def provision(scim: httpx2.Client, name: str) -> str:
    """The id of a new user."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"{name}@example.org",
        "active": True,
    }
    answer = scim.post("/Users", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def invited(installation: Headworks, operator: str, name: str, role: str) -> dict[str, Any]:
    """Somebody who joined by a link, and signed in."""
    address = f"{name}@example.org"
    made = call(installation, "POST", "/api/v1/invitations", {"email": address, "role": role}, operator).json()["data"]
    body = {"token": made["token"], "password": PASSWORD}
    assert call(installation, "POST", "/api/v1/invitations/accept", body).status_code == 201
    granted: dict[str, Any] = login(installation, PASSWORD, address).json()["data"]
    return granted


def test_the_compliance_tester_finds_nothing(installation: Headworks, scim: httpx2.Client) -> None:
    """scim2-tester: what it tries is random; a seed that fails is printed with what failed."""
    seed = random.randrange(2**32)  # noqa: S311 - of a test
    random.seed(seed)
    results = check_server(SyncSCIMClient(scim))
    bad = [f"{one.resource_type} {one.title}: {one.reason}" for one in results if one.status is not Status.SUCCESS]
    assert bad == [], f"seed {seed}"
    counts = Counter(str(one.resource_type) for one in results)
    assert counts["User"] > 30
    assert counts["Group"] > 15


def test_an_ordinary_client_gets_along(scim: httpx2.Client) -> None:
    """scim2-client, with the models that it makes of what the server says of itself."""
    client: Any = SyncSCIMClient(scim)
    client.discover()
    user_model: Any = client.get_resource_model("User")
    group_model: Any = client.get_resource_model("Group")
    ada = client.create(user_model(user_name="ada.l@example.org", emails=[{"value": "ada.l@example.org"}]))
    group = client.create(group_model(display_name="Poets", members=[{"value": ada.id}]))
    found = client.query(user_model, query_parameters={"filter": 'userName eq "ADA.L@example.org"'})
    assert [one.id for one in found.resources] == [ada.id]
    assert [one.value for one in found.resources[0].groups] == [group.id]
    ada.title = "Countess"
    assert client.replace(ada).title == "Countess"
    operation: Any = {"op": "replace", "path": "title", "value": "Lady"}
    assert client.modify(user_model, ada.id, PatchOp[user_model](operations=[operation])).title == "Lady"
    client.delete(group_model, group.id)
    client.delete(user_model, ada.id)
    with pytest.raises(NotFoundException):
        client.query(user_model, ada.id)


def test_a_leaver_loses_access_before_the_directory_is_answered(installation: Headworks, scim: httpx2.Client) -> None:
    """Key and session are used before, so that engine and control plane know them; the very next requests are refused."""
    operator = enter(installation)["access_token"]
    eve = invited(installation, operator, "eve", "maintainer")
    person = provision(scim, "eve")
    key = call(installation, "POST", "/api/v1/keys", {"name": "Eve's"}, eve["access_token"]).json()["data"]["key"]
    for _ in range(3):
        assert ask(installation, key).status_code == 200
        assert call(installation, "GET", "/api/v1/keys", token=eve["access_token"]).status_code == 200
        assert scim.patch(f"/Users/{person}", json=OFF).json()["active"] is False
        assert code(ask(installation, key)) == (401, "invalid_api_key")
        refused = call(installation, "GET", "/api/v1/keys", token=eve["access_token"])
        assert code_of(refused) == (401, "session_ended")
        refreshed = call(installation, "POST", "/api/v1/auth/refresh", {"refresh_token": eve["refresh_token"]})
        assert code_of(refreshed) == (401, "invalid_refresh_token")
        # Back again: the key works, the session does not, and they can sign in anew.
        assert scim.patch(f"/Users/{person}", json=ON).json()["active"] is True
        assert ask(installation, key).status_code == 200
        assert code_of(call(installation, "GET", "/api/v1/me", token=eve["access_token"])) == (401, "session_ended")
        eve = login(installation, PASSWORD, "eve@example.org").json()["data"]
    assert scim.delete(f"/Users/{person}").status_code == 204
    assert code(ask(installation, key)) == (401, "invalid_api_key")
    provision(scim, "eve")
    assert code(ask(installation, key)) == (401, "invalid_api_key"), "deleted is for good"


def test_groups_make_admins_and_take_it_back(installation: Headworks, scim: httpx2.Client) -> None:
    person = provision(scim, "grace")
    group = scim.post("/Groups", json={"displayName": "Admins", "members": [{"value": person}]}).json()["id"]

    def role() -> str:
        members = installation.management.get("/members", per_page="200")
        return next(str(one["role"]) for one in members if one["email"] == "grace@example.org")

    assert role() == "viewer"
    installation.management.send("PATCH", f"/directory-groups/{group}", {"role": "admin"})
    assert role() == "admin"
    removal = {"Operations": [{"op": "remove", "path": f'members[value eq "{person}"]'}]}
    assert scim.patch(f"/Groups/{group}", json=removal).status_code == 204
    assert role() == "viewer"
    events = installation.management.get(
        "/audit-events", actor_id=installation.management.get("/directory-tokens")[0]["id"]
    )
    assert {one["actor_kind"] for one in events} == {"directory"}


def test_the_engine_refuses_in_scims_words(installation: Headworks, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    for path in ("/scim/v2/Users%2fx", "/scim/v2//Users", "/scim/v2/Us;ers"):
        answer = httpx.get(f"{installation.url}{path}", headers=headers, trust_env=False)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/scim+json"
        assert answer.json()["status"] == "404"
    inference = ask(installation, token, "models")
    assert inference.status_code == 401


def test_a_token_is_nowhere_but_in_the_directory(installation: Headworks, token: str, scim: httpx2.Client) -> None:
    provision(scim, "heidi")
    assert token not in installation.child.output()
    kept = b"".join(path.read_bytes() for path in installation.home.rglob("*") if path.is_file())
    assert token.encode() not in kept
    assert b"correct-horse-canary" not in kept
    answer = scim.post(
        "/Users", json={"userName": "ivan@example.org", "password": "correct-horse-canary", "active": True}
    )
    assert "correct-horse-canary" not in answer.text
    kept = b"".join(path.read_bytes() for path in installation.home.rglob("*") if path.is_file())
    assert b"correct-horse-canary" not in kept
    assert "correct-horse-canary" not in installation.child.output()


def test_who_is_disabled_is_signed_out_for_good(tmp_path: Path) -> None:
    with Headworks(tmp_path / "home", password_cost="10") as installation:
        operator = enter(installation)["access_token"]
        ada = invited(installation, operator, "ada", "admin")
        path = f"/api/v1/users/{ada['user']['id']}"
        for state in ("disabled", "active"):
            assert call(installation, "PATCH", path, {"state": state}, operator).is_success
        assert code_of(call(installation, "GET", "/api/v1/me", token=ada["access_token"])) == (401, "session_ended")
        again = call(installation, "POST", "/api/v1/auth/refresh", {"refresh_token": ada["refresh_token"]})
        assert code_of(again) == (401, "invalid_refresh_token")
        assert login(installation, PASSWORD, "ada@example.org").status_code == 200
