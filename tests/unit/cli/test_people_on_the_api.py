"""The command line against the real management API: organisations, people, what they sign in with, and their keys."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from structlog.testing import capture_logs

from headworks.kernel.clock import now
from tests.unit.cli.served import Api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Run

OWN = "a quartz vow of staples"


def code_of(secret: str) -> str:
    """What an authenticator app would show now."""
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(now().timestamp())).decode()  # noqa: S303


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _api(home: Path) -> Iterator[None]:
    api = Api(home)
    # What the server logs is not what the command prints.
    with capture_logs():
        api.start()
        yield
        api.stop()


def test_the_life_of_a_key(run: Run) -> None:
    made = run("keys", "create", "ci", "--expires-in", "90d", "--model", "headworks/echo")
    assert made.status == 0, made
    assert made.out.startswith("hw_sk_")
    assert "ci" in run("keys", "list").out
    assert run("keys", "revoke", "ci").status == 0
    assert "revoked" in run("keys", "list").out


def test_organisations_and_projects(run: Run) -> None:
    assert "Made the organisation 'Research'" in run("orgs", "create", "Research").out
    assert "'R&D'" in run("orgs", "rename", "research", "R&D").out
    assert run("orgs", "disable", "R&D").status == 0
    assert run("orgs", "enable", "R&D").status == 0
    assert [one["name"] for one in run("orgs", "list", "--json").json()] == ["Default", "R&D"]  # type: ignore[attr-defined]
    assert "Default" in run("orgs", "list").out
    assert run("orgs", "disable", "Default").status == 1
    assert "Made the project 'Web'" in run("projects", "create", "Web").out
    assert "'Site'" in run("projects", "rename", "Web", "Site").out
    assert "Archived" in run("projects", "archive", "Site").out
    assert "Restored" in run("projects", "restore", "Site").out
    assert "Site" in run("projects", "list").out
    absent = run("projects", "archive", "absent")
    assert (absent.status, absent.out) == (1, "")
    assert "no project" in absent.err


def test_people(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANAGER", json.loads((home / "credentials.json").read_text())["management_key"])
    invited = run("invites", "create", "bob@example.org", "--role", "maintainer")
    assert "/invite/" in invited.out
    assert len(invited.out.splitlines()) == 1, "the link stands alone"
    assert "bob@example.org" in run("invites", "list").out
    token = run("--key-env", "MANAGER", "invites", "accept", stdin=invited.out)
    assert token.status == 1, "a key that is nobody's is not the invited one"
    assert run("invites", "accept", stdin=f"{invited.out}password123\n").status == 1
    assert "Revoked" in run("invites", "revoke", "bob@example.org").out
    refused = run("invites", "accept", stdin=invited.out)
    assert (refused.status, "revoked" in refused.err) == (1, True)
    waiting = run("invites", "list")
    assert (waiting.out, "No invitation waits" in waiting.err) == ("", True)
    assert "revoked" in run("invites", "list", "--all").out
    assert "operator@localhost" in run("members", "list").out
    assert "operator@localhost" in run("users", "list").out
    last = run("members", "set-role", "operator@localhost", "viewer")
    assert (last.status, "last admin" in last.err) == (1, True)
    assert "last admin" in run("members", "remove", "operator@localhost").err
    assert "last operator" in run("users", "disable", "operator@localhost").err
    assert "last operator" in run("users", "demote", "operator@localhost").err
    assert run("users", "promote", "operator@localhost").status == 0
    assert run("users", "enable", "operator@localhost").status == 0


def test_service_accounts_and_keys(run: Run) -> None:
    assert "a viewer" in run("service-accounts", "create", "ci").out
    assert "a maintainer" in run("service-accounts", "set-role", "ci", "maintainer").out
    made = run("keys", "create", "ci", "--service-account", "ci", "--project", "Default", "--scope", "management:read")
    assert made.out.startswith("hw_mk_")
    held = run("keys", "create", "held", "--endpoint", "models", "--address", "10.0.0.0/8", "--json").json()
    assert isinstance(held, dict)
    assert (held["allowed_endpoints"], held["allowed_addresses"]) == (["models"], ["10.0.0.0/8"])
    rotated = run("keys", "rotate", "held", "--overlap", "7d")
    assert rotated.out.startswith("hw_sk_")
    assert "former secret works until" in rotated.err
    assert "works no more" in run("keys", "rotate", "held", "--overlap", "0").err
    assert run("keys", "rotate", "held", "--overlap", "soon").status == 2
    assert run("service-accounts", "disable", "ci").status == 0
    assert "suspended" in run("keys", "list").out
    assert run("service-accounts", "enable", "ci").status == 0
    assert "ci" in run("service-accounts", "list").out
    assert run("keys", "create", "x", "--management", "--scope", "inference").status == 2


def test_keys_are_imported_by_their_hashes(run: Run) -> None:
    lines = "".join(f"{number:064x} old {number}\n" for number in range(3))
    assert "Imported 3 keys" in run("keys", "import", "-", stdin=lines).out
    again = run("keys", "import", "-", "--project", "Default", stdin=lines)
    assert (again.status, "known already" in again.err) == (1, True)
    wrong = run("keys", "import", "-", stdin="hw_sk_not_a_hash\n")
    assert (wrong.status, "line 1" in wrong.err, "hw_sk" in wrong.err) == (2, True, False)


def test_from_the_link_to_a_new_password(run: Run) -> None:
    link = run("invites", "create", "bob@example.org", "--role", "admin").out
    joined = run("invites", "accept", "--name", "Bob", stdin=f"{link}a quartz vow of staples\n")
    assert joined.status == 0, joined
    assert "joined org_" in joined.out
    assert "headworks login bob@example.org" in joined.err
    assert run("invites", "accept", stdin=link).status == 1
    assert "Renamed bob@example.org" in run("users", "rename", "bob@example.org", "Robert").out
    made = run("users", "reset-password", "bob@example.org")
    assert made.status == 0, made
    assert "bob@example.org" in made.err
    assert run("login", "bob@example.org", stdin="a quartz vow of staples\n").status == 1
    assert "headworks password" in run("login", "bob@example.org", stdin=made.out).err
    assert run("password", stdin=f"{made.out}another vow of staples\n").status == 0
    assert run("users", "list").status == 1, "an admin is no operator"
    own = run("users", "reset-password", "bob@example.org")
    assert (own.status, "That is you" in own.err) == (1, True)
    operator = run("users", "reset-password", "operator@localhost")
    assert (operator.status, "An operator can" in operator.err) == (1, True)
    assert "no member" in run("users", "reset-password", "nobody@example.org").err
    assert run("logout").status == 0
    assert "reset" in run("audit", "list", "--action", "password.reset").out
    assert made.out.strip() not in run("audit", "export").out


def test_a_second_factor(run: Run) -> None:
    link = run("invites", "create", "bob@example.org", "--role", "admin").out
    assert run("invites", "accept", stdin=f"{link}{OWN}\n").status == 0
    lost = run("users", "reset-second-factor", "bob@example.org")
    assert (lost.status, "no second factor" in lost.err) == (1, True)
    assert run("login", "bob@example.org", stdin=f"{OWN}\n").status == 0
    assert "There is none" in run("second-factor", "show").out
    secret = run("second-factor", "set-up", stdin=f"{OWN}\n")
    assert "otpauth://" in secret.err
    assert run("second-factor", "confirm", stdin="abcdef\n").status == 1
    codes = run("second-factor", "confirm", stdin=code_of(secret.out.strip()))
    assert len(codes.out.split()) == 10
    assert "10 recovery codes" in run("second-factor", "show").out
    renewed = run("second-factor", "recovery-codes", "--json", stdin=f"{OWN}\n").json()
    assert isinstance(renewed, dict)
    assert run("logout").status == 0
    assert "authenticator" in run("login", "bob@example.org", stdin=f"{OWN}\n").err
    assert run("login", "bob@example.org", stdin=f"{OWN}\n{codes.out.split()[0]}\n").status == 1
    assert run("login", "bob@example.org", stdin=f"{OWN}\n{renewed['recovery_codes'][0]}\n").status == 0
    assert run("logout").status == 0
    assert "password alone" in run("users", "reset-second-factor", "bob@example.org").out
    assert run("login", "bob@example.org", stdin=f"{OWN}\n").status == 0
    assert run("second-factor", "remove", stdin=f"{OWN}\n").status == 1


def test_sessions_and_organisations(run: Run) -> None:
    link = run("invites", "create", "bob@example.org", "--role", "admin").out
    assert run("invites", "accept", stdin=f"{link}{OWN}\n").status == 0
    nobody = run("sessions", "list")
    assert (nobody.status, "signed in" in nobody.err) == (1, True)
    for _ in range(2):
        assert run("login", "bob@example.org", stdin=f"{OWN}\n").status == 0
    assert "(this one)" in run("sessions", "list").out
    both = run("sessions", "list", "--json").json()
    assert isinstance(both, list)
    assert [one["is_current"] for one in both] == [True, False]
    assert both[1]["id"] in run("sessions", "revoke", both[1]["id"]).out
    assert run("sessions", "revoke", both[1]["id"]).status == 1
    assert run("sessions", "revoke").status == 2
    assert "other sessions" in run("sessions", "revoke", "--others").out
    assert "You act in 'Default'" in run("switch", "Default").out
    assert run("switch", "Elsewhere").status == 1
    assert run("whoami").status == 0


def test_a_key_is_changed_and_a_price_removed(run: Run) -> None:
    assert run("keys", "create", "ci", "--model", "headworks/echo").status == 0
    assert "Changed the key 'web'" in run("keys", "change", "ci", "--name", "web", "--address", "10.0.0.0/8").out
    assert "10.0.0.0/8" in run("keys", "show", "web").out
    assert run("keys", "change", "web").status == 2
    assert run("keys", "show", "web", "--json").status == 0
    assert "headworks/echo" in run("models", "show", "headworks/echo").out
    assert run("models", "show", "headworks/echo", "--json").status == 0
    run("providers", "add", "up", "--base-url", "http://127.0.0.1:1/v1")
    price = run("prices", "add", "--provider", "up", "--upstream-model", "m", "--input", "1", "--json").json()
    assert isinstance(price, dict)
    assert str(price["id"]) in run("prices", "list", "--provider", "up").out
    assert "Removed" in run("prices", "remove", str(price["id"])).out
    assert run("prices", "remove", str(price["id"])).status == 1
    assert "'robot'" in run("service-accounts", "create", "robot", "--project", "Default").out
    assert "'android'" in run("service-accounts", "rename", "robot", "android").out
