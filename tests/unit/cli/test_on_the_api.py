"""The command line against the real management API, so that neither side changes its shapes alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from tests.unit.cli.served import Api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def api(home: Path) -> Iterator[Api]:
    serving = Api(home)
    # What the server logs is not what the command prints.
    with capture_logs():
        serving.start()
        yield serving
        serving.stop()


def test_from_provider_to_price(run: Run) -> None:
    added = run(
        "providers",
        "add",
        "up",
        "--base-url",
        "http://127.0.0.1:1/v1",
        "--api-key-stdin",
        "--json",
        stdin="sk-12345678",
    )
    assert added.status == 0, added
    assert "sk-12345678" not in added.out
    assert run("providers", "list").status == 0
    assert '"base_url": "http://127.0.0.1:1/v1"' in run("providers", "show", "up", "--json").out
    target = ("--provider", "up", "--upstream-model", "m")
    assert run("models", "add", "team/fast", *target, "--weight", "3", "--json").status == 0
    assert "up/m" in run("models", "list").out
    again = run("models", "change", "team/fast", "--provider", "up", "--upstream-model", "m", "--json")
    assert again.status == 0, again
    changed = run("providers", "change", "up", "--api-key-stdin", "--json", stdin="sk-0123456789abcdefghijklmnopqrst")
    assert '"last4": "qrst"' in changed.out
    priced = run("prices", "add", *target, "--input", "0.15", "--output", "0.60", "--from", "2026-01-01")
    assert "0.15 input, 0.60 output" in priced.out
    assert "0.15" in run("prices", "list", "--provider", "up").out
    used = run("providers", "remove", "up")
    assert used.status == 1
    assert "team/fast" in used.err
    assert run("models", "remove", "team/fast").status == 0
    assert run("providers", "remove", "up").status == 0


def test_a_reference_that_the_server_cannot_follow(run: Run) -> None:
    ran = run("providers", "add", "up", "--base-url", "http://127.0.0.1:1/v1", "--api-key-env", "NOT_SET_ANYWHERE")
    assert ran.status == 0, ran
    assert "NOT_SET_ANYWHERE is not set" in ran.err


def test_nothing_was_used(run: Run) -> None:
    assert run("usage", "--json").json() == []
    assert "Nothing was used" in run("usage").err


def test_wrong_input_is_told_with_its_field(run: Run) -> None:
    ran = run("providers", "add", "up", "--base-url", "ftp://x")
    assert ran.status == 1
    assert "base_url" in ran.err
    assert run("models", "add", "x", "--provider", "nobody", "--upstream-model", "m").status == 1
    assert run("usage", "--group-by", "moon").status == 1
    assert run("usage", "--from", "yesterday").status == 1


def test_how_it_is(run: Run) -> None:
    assert "ready" in run("status").out
    found = run("doctor", "--json").json()
    assert isinstance(found, list)
    outcomes = {check["name"]: check["outcome"] for check in found}
    assert outcomes["server"] == outcomes["management key"] == outcomes["credentials"] == "ok"
    assert outcomes["providers"] == "warn"


def test_what_all_organisations_use(run: Run) -> None:
    assert run("providers", "--installation", "add", "big", "--base-url", "http://127.0.0.1:9/v1").status == 0
    made = run("models", "--installation", "add", "everybody", "--provider", "big", "--upstream-model", "m")
    assert (made.status, "everybody" in made.out) == (0, True)
    assert "everybody" in run("models", "list").out
    assert "big" in run("providers", "--installation", "list").out
    assert "big" not in run("providers", "list").out
    assert run("models", "remove", "everybody").status == 1, "it is not the organisation's own"
    assert run("models", "--installation", "remove", "everybody").status == 0
    assert "everybody" not in run("models", "list").out


def test_a_directory(run: Run, api: Api) -> None:
    made = run("directory", "token", "create", "Entra ID", "--expires-in", "52w")
    assert made.out.startswith("hw_dt_")
    assert "/scim/v2" in made.err
    token = made.out.strip()
    assert token not in run("directory", "token", "list").out
    assert f"hw_dt_…{token[-4:]}" in run("directory", "token", "list").out
    as_json = run("directory", "token", "create", "Okta", "--json").json()
    assert isinstance(as_json, dict)
    assert str(as_json["scim_url"]).endswith("/scim/v2")
    address = f"http://127.0.0.1:{api.port}/scim/v2/Groups"
    headers = {"authorization": f"Bearer {token}"}
    body = {"displayName": "Engineers"}
    assert httpx.post(address, json=body, headers=headers, trust_env=False, timeout=30).status_code == 201
    assert "Engineers" in run("directory", "groups", "list").out
    assert "is maintainer at least" in run("directory", "groups", "map", "engineers", "--role", "maintainer").out
    assert '"role": "maintainer"' in run("directory", "groups", "list", "--json").out
    assert "has nothing by it" in run("directory", "groups", "map", "Engineers", "--role", "none").out
    assert run("directory", "groups", "map", "Engineers", "--role", "owner").status == 2
    assert run("directory", "groups", "map", "Nobody", "--role", "viewer").status == 1
    assert "viewer" in run("directory", "show").out
    assert "maintainer at least" in run("directory", "set-default", "maintainer").out
    assert run("directory", "token", "revoke", "Entra ID").status == 0
    assert "revoked" in run("directory", "token", "list").out
    assert httpx.get(address, headers=headers, trust_env=False, timeout=30).status_code == 401


def test_the_audit_trail(run: Run, home: Path) -> None:
    made = run("keys", "create", "audited", "--json").json()
    assert isinstance(made, dict)
    listed = run("audit", "list", "--action", "key.*", "--resource", str(made["id"]))
    assert "key.created" in listed.out
    assert made["key"] not in listed.out
    run("keys", "revoke", "audited")
    assert '"action": "key.revoked"' in run("audit", "list", "--limit", "1", "--json").out
    assert "revoked_at" in run("audit", "list", "--limit", "1").out
    assert run("audit", "list", "--from", "2999-01-01", "--json").json() == []
    assert run("audit", "list", "--from", "moon").status == 2
    everything = [json.loads(line) for line in run("audit", "export").out.splitlines()]
    assert {event["action"] for event in everything} >= {"key.revoked", "key.created", "prices.shipped"}
    assert run("audit", "list", "--limit", "100000", "--json").json() == everything
    whole = run("audit", "verify")
    assert whole.status == 0, whole
    assert "identity: whole" in whole.out
    anchor = whole.out.splitlines()[0].split("; ")[1]
    assert run("audit", "verify", "--anchor", anchor).status == 0
    assert run("audit", "verify", "--anchor", "identity:1").status == 1

    with closing(sqlite3.connect(home / "identity.sqlite3")) as connection, connection:
        connection.execute("UPDATE identity_audit_trail SET action = 'key.read' WHERE sequence = 3")
    found = run("audit", "verify")
    assert found.status == 1
    assert "identity: TAMPERED WITH at entry 3 (aud_" in found.out
    assert "catalog: whole" in found.out
    assert '"intact": false' in run("audit", "verify", "--json").out


def test_the_rotation_of_secrets(run: Run) -> None:
    run("providers", "add", "up", "--base-url", "http://127.0.0.1:1/v1", "--api-key-stdin", stdin="sk-0123456789abcdef")
    before = run("secrets", "status")
    assert before.status == 0, before
    (old,) = [word for word in before.out.split() if word.startswith("kek_")]
    done = run("secrets", "rotate")
    assert done.status == 0, done
    # The credential, the answer that is kept for the case that the command had to ask again, and the keys of four trails.
    assert "sealed 6 secrets with it" in done.out
    assert old in done.out
    assert "Back up the keyring" in done.err
    assert old not in run("secrets", "status").out
    assert "keyring.rotated" in run("audit", "list", "--action", "keyring.*").out
    assert "qrst" not in run("secrets", "status", "--json").out


def test_the_life_of_a_deployment(run: Run) -> None:
    assert run("providers", "add", "up", "--base-url", "http://127.0.0.1:1/v1").status == 0
    nothing = run("deployments", "list", "--provider", "up")
    assert (nothing.out, "headworks deployments add" in nothing.err) == ("", True)
    assert "Added the deployment up/m (dep_" in run("deployments", "add", "up", "m", "--no-stream-usage").out
    assert run("deployments", "add", "up", "m").status == 1
    assert "up" in run("deployments", "list").out
    assert "weight 7" in run("deployments", "change", "UP/M", "--weight", "7", "--disable").out
    shown = run("deployments", "show", "up/m", "--json").json()
    assert isinstance(shown, dict)
    assert (shown["weight"], shown["enabled"], shown["stream_usage"]) == (7, False, False)
    assert "disabled" in run("deployments", "show", str(shown["id"])).out
    assert shown["max_output_tokens"] is None
    assert run("deployments", "change", "up/m", "--max-output-tokens", "4096").status == 0
    assert "4096" in run("deployments", "show", "up/m").out
    for wrong in ("0", "10000001", "many", "-1"):
        assert run("deployments", "change", "up/m", "--max-output-tokens", wrong).status == 2, wrong
    assert run("deployments", "change", "up/m", "--max-output-tokens", "none").status == 0
    assert "4096" not in run("deployments", "show", "up/m").out
    capped = run("deployments", "add", "up", "capped", "--max-output-tokens", "9", "--json").json()
    assert isinstance(capped, dict)
    assert capped["max_output_tokens"] == 9
    assert run("deployments", "change", "up/m").status == 2
    assert "no deployment" in run("deployments", "show", "up/n").err
    assert "Removed the deployment up/m" in run("deployments", "remove", "up/m").out
    assert run("deployments", "remove", "up/m").status == 1
