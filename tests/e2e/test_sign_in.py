"""Signing in at a running server: the first operator, sessions that end at once, and locks that outlive the process."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

from tests.support.child import eventually
from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATOR = "operator@localhost"
OWN = "a quartz vow of staples"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Headworks]:
    with Headworks(tmp_path / "home", password_cost="10") as headworks:
        yield headworks


def stored(installation: Headworks) -> dict[str, str]:
    content: dict[str, str] = json.loads((installation.home / "credentials.json").read_text())
    return content


def call(installation: Headworks, method: str, path: str, body: object = None, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"{installation.url}{path}"
    return httpx.request(method, url, json=body, headers=headers, timeout=30, trust_env=False)


def login(installation: Headworks, password: str, email: str = OPERATOR) -> httpx.Response:
    return call(installation, "POST", "/api/v1/auth/login", {"email": email, "password": password})


def enter(installation: Headworks) -> dict[str, Any]:
    """Sign in as the operator, with a password of their own."""
    made = stored(installation)["operator_password"]
    granted: dict[str, Any] = login(installation, made).json()["data"]
    body = {"current_password": made, "new_password": OWN}
    changed = call(installation, "POST", "/api/v1/auth/password", body, granted["access_token"])
    assert changed.status_code == 204, changed.text
    return granted


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_first_operator_gets_a_password_once_and_changes_it(installation: Headworks) -> None:
    made = stored(installation)["operator_password"]
    eventually(lambda: "Ctrl-C" in installation.child.output(), what="the banner")
    assert made in installation.child.output()
    granted = login(installation, made).json()["data"]
    assert granted["must_change_password"] is True
    refused = call(installation, "GET", "/api/v1/keys", token=granted["access_token"])
    assert code_of(refused) == (403, "password_change_required")
    token = enter(installation)["access_token"]
    assert "operator_password" not in stored(installation)
    assert call(installation, "GET", "/api/v1/keys", token=token).status_code == 200
    # Whoever else had signed in with the password that was made is out.
    ended = call(installation, "GET", "/api/v1/keys", token=granted["access_token"])
    assert code_of(ended) == (401, "session_ended")
    assert code_of(login(installation, made)) == (401, "wrong_credentials")
    # A second start makes no other one, and prints none.
    assert installation.stop() == 0
    installation.start()
    assert "operator_password" not in stored(installation)
    assert login(installation, OWN).status_code == 200


def test_a_password_that_nobody_changed_is_there_after_a_kill(installation: Headworks) -> None:
    made = stored(installation)["operator_password"]
    installation.kill()
    installation.start()
    assert stored(installation)["operator_password"] == made
    assert login(installation, made).status_code == 200


def test_sessions_outlive_the_process_and_end_at_once(installation: Headworks) -> None:
    granted = enter(installation)
    token = granted["access_token"]
    installation.kill()
    installation.start()
    assert call(installation, "GET", "/api/v1/me", token=token).json()["data"]["user"]["email"] == OPERATOR
    other = login(installation, OWN).json()["data"]
    assert call(installation, "GET", "/api/v1/me", token=other["access_token"]).status_code == 200
    path = f"/api/v1/sessions/{other['session_id']}"
    assert call(installation, "DELETE", path, token=token).status_code == 204
    assert code_of(call(installation, "GET", "/api/v1/me", token=other["access_token"])) == (401, "session_ended")
    refreshed = call(installation, "POST", "/api/v1/auth/refresh", {"refresh_token": other["refresh_token"]})
    assert code_of(refreshed) == (401, "invalid_refresh_token")


def test_a_lock_outlives_the_process(installation: Headworks) -> None:
    for number in range(5):
        assert code_of(login(installation, f"wrong guess {number}")) == (401, "wrong_credentials")
    installation.kill()
    # As if there had been more of them: a second is over before a server has started.
    with closing(sqlite3.connect(installation.home / "identity.sqlite3")) as database:
        changed = database.execute("UPDATE sign_in_attempts SET locked_until = locked_until + 300000000")
        assert changed.rowcount == 2
        database.commit()
    installation.start()
    locked = login(installation, stored(installation)["operator_password"])
    assert code_of(locked) == (429, "too_many_tries")
    assert 1 <= int(locked.headers["retry-after"]) <= 301


def test_disabling_a_user_ends_their_access(installation: Headworks) -> None:
    operator = enter(installation)["access_token"]
    invited = call(
        installation, "POST", "/api/v1/invitations", {"email": "ada@example.org", "role": "admin"}, operator
    ).json()["data"]
    bad = {"token": invited["token"], "password": "password123"}
    assert code_of(call(installation, "POST", "/api/v1/invitations/accept", bad)) == (422, "invalid_request")
    body = {"token": invited["token"], "name": "Ada", "password": "eleven quartz vows"}
    joined = call(installation, "POST", "/api/v1/invitations/accept", body)
    assert joined.status_code == 201, joined.text
    ada = login(installation, "eleven quartz vows", "ada@example.org").json()["data"]
    assert call(installation, "GET", "/api/v1/me", token=ada["access_token"]).status_code == 200
    path = f"/api/v1/users/{ada['user']['id']}"
    assert call(installation, "PATCH", path, {"state": "disabled"}, operator).is_success
    assert code_of(call(installation, "GET", "/api/v1/me", token=ada["access_token"])) == (401, "session_ended")
    again = call(installation, "POST", "/api/v1/auth/refresh", {"refresh_token": ada["refresh_token"]})
    assert code_of(again) == (401, "invalid_refresh_token")
    assert code_of(login(installation, "eleven quartz vows", "ada@example.org")) == (401, "wrong_credentials")


def test_others_verify_tokens_by_the_published_keys(installation: Headworks) -> None:
    token = enter(installation)["access_token"]
    keys = jwt.PyJWKSet.from_dict(call(installation, "GET", "/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, audience="headworks-management", issuer="headworks", leeway=30)
    assert claims["sub"].startswith("usr_")


def test_many_refreshes_at_once_give_one_successor(installation: Headworks) -> None:
    body = {"refresh_token": enter(installation)["refresh_token"]}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: call(installation, "POST", "/api/v1/auth/refresh", body), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["refresh_token"] for answer in answers}) == 1


def test_nothing_secret_is_in_the_log_or_the_databases(installation: Headworks) -> None:
    granted = enter(installation)
    login(installation, "canary-8c1f77aa0")
    secrets = [OWN, "canary-8c1f77aa0", granted["access_token"], granted["refresh_token"]]
    assert installation.stop() == 0
    seen = installation.child.output().encode()
    seen += b"".join(path.read_bytes() for path in installation.home.glob("*.sqlite3*"))
    assert [secret for secret in secrets if secret.encode() in seen] == []


def test_the_trail_says_who_signed_in(installation: Headworks) -> None:
    """Their door did not know them yet when the request came."""
    token = enter(installation)["access_token"]
    me = call(installation, "GET", "/api/v1/me", token=token).json()["data"]["id"]
    started = call(installation, "GET", "/api/v1/audit-events?action=session.started", token=token).json()["data"]
    assert [(one["actor_kind"], one["actor_id"]) for one in started] == [("user", me)]
