"""`headworks sso` against the real management API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.cli.conftest import Run
from tests.unit.cli.served import Api

SECRET = "canary-client-secret-81c2"
ADD = (
    "sso",
    "add",
    "Directory",
    "--issuer",
    "https://id.example/",
    "--client-id",
    "headworks",
    "--domain",
    "example.org",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _api(home: Path) -> Iterator[None]:
    api = Api(home)
    with capture_logs():
        api.start()
        yield
        api.stop()


def test_the_life_of_a_connection(run: Run) -> None:
    groups = ("--group", "cn=eng,dc=example=maintainer", "--group", "all=viewer")
    added = run(*ADD, *groups, "--join", "--client-secret-stdin", "--json", stdin=f"{SECRET}\n")
    assert added.status == 0, added
    made: Any = added.json()
    assert made["group_roles"][0] == {"group": "cn=eng,dc=example", "role": "maintainer"}
    assert (made["issuer"], made["scopes"], made["joins"]) == (
        "https://id.example/",
        ["openid", "email", "profile"],
        True,
    )
    assert made["redirect_uri"] is None, "what speaks to it here is no engine, so nothing says how browsers reach it"
    listed = run("sso", "list")
    assert "cn=eng,dc=example=maintainer, all=viewer, else nobody" in listed.out
    changed = run("sso", "change", "directory", "--default-role", "viewer", "--disable", "--no-groups", "--json")
    assert changed.status == 0, changed
    now: Any = changed.json()
    assert (now["default_role"], now["enabled"], now["group_roles"], now["version"]) == ("viewer", False, [], 2)
    assert run("sso", "change", "Directory", "--default-role", "none").status == 0
    shown = run("sso", "show", made["id"])
    assert "client_secret    stored" in shown.out
    assert "else nobody" in shown.out
    moved = run("sso", "change", "Directory", "--issuer", "https://other.example")
    assert moved.status == 1
    assert "give the client secret again" in moved.err
    by_reference = run("sso", "change", "Directory", "--client-secret-env", "DIRECTORY_SECRET", "--json")
    assert '"reference": "env:DIRECTORY_SECRET"' in by_reference.out
    assert run("sso", "remove", "Directory").status == 0
    assert json.loads(run("sso", "list", "--json").out) == []
    for ran in (added, listed, changed, shown):
        assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("sso", "add", "x", "--issuer", "https://id.example"), 2, "--client-id"),
        (ADD, 2, "client secret"),
        ((*ADD, "--client-secret-stdin", "--client-secret-env", "X"), 2, "exclude"),
        ((*ADD, "--client-secret-env", "X", "--group", "engineering"), 2, "GROUP=ROLE"),
        ((*ADD, "--client-secret-env", "X", "--group", "engineering=king"), 2, "'king' is no role"),
        ((*ADD, "--client-secret-env", "X", "--default-role", "king"), 2, "'king' is no role"),
        ((*ADD, "--client-secret-env", "X", "--issuer", "http://id.example"), 1, "issuer"),
        ((*ADD, "--client-secret-env", "X", "--issuer", "https://169.254.169.254"), 1, "never called"),
        (("sso", "change", "x"), 2, "nothing to change"),
        (("sso", "change", "x", "--group", "a=viewer", "--no-groups"), 2, "exclude"),
        (("sso", "show", "nobody"), 1, "no connection"),
        (("login", "ada@example.org", "--sso", "x"), 2, "goes without"),
        (("login", "--paste"), 2, "go with --sso"),
        (("login", "--sso", "x", "--paste"), 2, "not the address"),
    ],
)
def test_what_is_wrong_is_told(run: Run, arguments: tuple[str, ...], status: int, said: str) -> None:
    ran = run(*arguments)
    assert (ran.status, said in ran.err) == (status, True), ran
