"""`make seed-mock-data`: samples of everything on a running server, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from headworks.entrypoints.samples.plan import COMPANIES, OPERATOR
from tests.support.child import ROOT, eventually, free_port
from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from pathlib import Path

STATES = {"active", "revoked", "expired"}


def seed(headworks: Headworks, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as `make` does."""
    command = [sys.executable, "-m", "headworks.entrypoints.samples", *arguments]
    environment = {"HEADWORKS_HOME": str(headworks.home), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(  # noqa: S603 - our own command
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def passwords(output: str) -> dict[str, str]:
    """Whom it made passwords for."""
    return {line.split()[0]: line.split()[1] for line in output.splitlines()[1:] if "@" in line}


class Member:
    """Somebody who signed in with the password that was printed."""

    def __init__(self, headworks: Headworks, email: str, password: str) -> None:
        self._http = httpx.Client(base_url=headworks.credentials.api, trust_env=False, timeout=60)
        granted = self.send("POST", "/auth/login", {"email": email, "password": password})["data"]
        assert granted["must_change_password"]
        self._http.headers["authorization"] = f"Bearer {granted['access_token']}"
        changed = {"current_password": password, "new_password": "a quartz vow of staples"}
        assert self._http.post("/auth/password", json=changed).status_code == 204

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def send(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The whole answer."""
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def listed(self, path: str) -> list[dict[str, Any]]:
        """A list's first page."""
        found: list[dict[str, Any]] = self.send("GET", f"{path}?per_page=200")["data"]
        return found


def test_there_is_something_of_everything_and_nothing_twice(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    mock = str(free_port())
    with Headworks(tmp_path / "home") as headworks:
        first = seed(headworks, "--mock-port", mock)
        assert first.returncode == 0, first.stderr
        made = passwords(first.stdout)
        working = {person.email for company in COMPANIES for person in company.people if not person.disabled}
        assert set(made) == working | {OPERATOR}
        assert "What to try next" in first.stderr

        company = COMPANIES[0]
        admin = Member(headworks, "ada@acme.example", made["ada@acme.example"])
        request.addfinalizer(admin.close)
        assert {one["role"] for one in admin.listed("/members")} == {"admin", "maintainer", "viewer"}
        assert {one["state"] for one in admin.listed("/projects")} == {"active", "archived"}
        assert {one["state"] for one in admin.listed("/service-accounts")} == {"active", "disabled"}
        assert {one["state"] for one in admin.listed("/invitations")} == {"accepted", "pending", "revoked"}
        eventually(lambda: {one["state"] for one in admin.listed("/keys")} == STATES, what="a key that has expired")
        assert {one["kind"] for one in admin.listed("/keys")} == {"inference", "management"}
        assert any(one["previous_until"] for one in admin.listed("/keys"))
        assert any(one["problem"] for one in admin.listed("/providers"))
        assert {one["enabled"] for one in admin.listed("/deployments")} == {True, False}
        assert any(not one["shipped"] for one in admin.listed("/prices"))

        def totals() -> dict[str, Any]:
            found: dict[str, Any] = admin.send("GET", "/usage")["data"]["totals"]
            return found

        eventually(lambda: totals()["requests"] == company.requests, what="the usage of every request")
        assert 0 < totals()["errors"] < company.requests / 4
        assert totals()["cost_nanodollars"] > 0

        before = headworks.management.get("/audit-events", per_page="1")[0]["id"]
        again = seed(headworks, "--mock-port", mock)
        assert again.returncode == 0, again.stderr
        assert set(passwords(again.stdout)) == {OPERATOR}
        assert totals()["requests"] == company.requests
        events = headworks.management.get("/audit-events", per_page="200")
        since = [one["action"] for one in events[: [one["id"] for one in events].index(before)]]
        assert {action.partition(".")[0] for action in since} <= {"password", "session"}, since


def test_it_says_what_is_in_the_way(tmp_path: Path) -> None:
    with Headworks(tmp_path / "home") as headworks:
        taken = seed(headworks, "--mock-port", str(headworks.port))
        assert (taken.returncode, "--mock-port" in taken.stderr) == (1, True)
    stopped = seed(headworks)
    assert (stopped.returncode, "headworks up" in stopped.stderr) == (3, True)
    nowhere = seed(headworks, "--home", str(tmp_path / "nowhere"))
    assert (nowhere.returncode, "headworks up" in nowhere.stderr) == (3, True)
