"""The command line against the real management API, so that neither side changes its shapes alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import uvicorn
from structlog.testing import capture_logs

from headworks.bootstrap.container import build_container, furnish, lay_foundation
from headworks.bootstrap.control_plane import management_app
from headworks.bootstrap.credentials import Credentials
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.health import Health
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import Settings
from headworks.bootstrap.sign_in import build_sign_in, first_operator
from headworks.bootstrap.welcome import Welcome
from tests.support.child import eventually, free_port
from tests.support.engine_twin import EngineTwin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Run


class Api:
    """The management API on a loopback port, over databases of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._home = Home(folder)
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        """Serve, and wait until it does."""
        self._thread.start()
        eventually(lambda: self._server is not None and self._server.started, what="the API")

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()

    async def _serve(self) -> None:
        settings = Settings(home=self._home.path, port=self.port)
        endpoint = f"http://127.0.0.1:{self.port}/v1"
        self._home.prepare()
        databases = Databases(self._home, settings)
        databases.prepare()
        foundation = lay_foundation(self._home, settings, databases, {})
        container = build_container(foundation)
        credentials = Credentials(self._home.credentials, endpoint)
        foothold = await container.identity.ensure_access(has_credentials=False, keep=credentials.keep)
        await furnish(container, foothold.organization_id)
        engine = EngineTwin()
        engine.start()
        health = Health(engine, {}, started=True)
        welcome = Welcome(settings, {}, container.catalog, foothold.organization_id, endpoint, None)
        sign_in = build_sign_in(container)
        await first_operator(sign_in, foundation.bus, credentials)
        app = management_app(container, sign_in, health, welcome, self._home)
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_config=None, lifespan="off", ws="none"))
        await self._server.serve()
        await container.close()


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


def test_the_life_of_a_budget(run: Run) -> None:
    assert "There is no budget" in run("budgets", "list").err
    options = (
        "--amount",
        "12.50",
        "--per",
        "month",
        "--time-zone",
        "Europe/Berlin",
        "--anchor",
        "31",
        "--alerts",
        "80,50",
    )
    added = run("budgets", "add", "Everything", *options)
    assert added.status == 0, added
    assert "12.50 USD a month, of the organisation; 12.50 USD are left" in added.out
    assert run("projects", "create", "lab").status == 0
    of_project = run("budgets", "add", "Lab", "--amount", "5", "--per", "total", "--project", "lab", "--soft", "--json")
    assert '"scope": "project"' in of_project.out
    assert "project prj_" in run("budgets", "list").out
    raised = run("budgets", "raise", "everything", "--by", "2.5", "--for", "12h")
    assert "Raised it by 2.50 USD until" in raised.out
    shown = run("budgets", "show", "Everything").out
    assert "authorised  15.00 USD" in shown
    assert "raise       2.50 USD until" in shown
    assert "20.00 USD a month" in run("budgets", "change", "Everything", "--amount", "20", "--alerts", "").out
    assert run("budgets", "remove", "Lab").status == 0
    assert "Lab" not in run("budgets", "list", "--json").out


def test_budgets_that_make_no_sense(run: Run) -> None:
    for options, told in (
        (("--amount", "-1", "--per", "day"), "more than nothing"),
        (("--amount", "nan", "--per", "day"), "is not an amount"),
        (("--amount", "1", "--per", "fortnight"), "period"),
        (("--amount", "1", "--per", "day", "--time-zone", "Europe/Berln"), "Europe/Berlin"),
        (("--amount", "1", "--per", "day", "--key", "none"), "no key"),
        (("--amount", "1", "--per", "day", "--model", "a", "--user", "b"), "of one thing"),
        (("--amount", "1", "--per", "day", "--alerts", "half"), "percents"),
        (("--amount", "1", "--per", "day", "--user", "usr_none"), "no user"),
    ):
        ran = run("budgets", "add", "x", *options)
        assert ran.status in {1, 2}, ran
        assert told in ran.err, ran.err
    assert run("budgets", "raise", "x", "--by", "1").status == 2
    assert run("budgets", "change", "x").status == 2


def test_the_ledger_and_the_past(run: Run) -> None:
    run("budgets", "add", "Everything", "--amount", "1", "--per", "day")
    assert "authorized" in run("ledger", "accounts").out
    assert run("ledger", "accounts", "--kind", "spent", "--as-of", "2026-01-01", "--json").out.strip() == "[]"
    assert "available" in run("ledger", "entries", "--limit", "1").out + run("ledger", "entries").out
    proof = run("ledger", "verify")
    assert proof.status == 0, proof
    assert "1 budget periods: all of it agrees" in proof.out
    assert "No usage matches" in run("rerate", "--from", "2026-01-01").err
    assert "No usage matches" in run("rerate", "--from", "2026-01-01", "--post", "--model", "m").err
    assert "is no time" in run("rerate", "--from", "yesterday").err


def test_a_reference_that_the_server_cannot_follow(run: Run) -> None:
    ran = run("providers", "add", "up", "--base-url", "http://127.0.0.1:1/v1", "--api-key-env", "NOT_SET_ANYWHERE")
    assert ran.status == 0, ran
    assert "NOT_SET_ANYWHERE is not set" in ran.err


def test_the_life_of_a_key(run: Run) -> None:
    made = run("keys", "create", "ci", "--expires-in", "90d", "--model", "headworks/echo")
    assert made.status == 0, made
    assert made.out.startswith("hw_sk_")
    assert "ci" in run("keys", "list").out
    assert run("keys", "revoke", "ci").status == 0
    assert "revoked" in run("keys", "list").out


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


def test_people(run: Run) -> None:
    invited = run("invites", "create", "bob@example.org", "--role", "maintainer")
    assert "/invite/" in invited.out
    assert len(invited.out.splitlines()) == 1, "the link stands alone"
    assert "bob@example.org" in run("invites", "list").out
    assert run("invites", "accept", stdin=invited.out).status == 1, "a key that is nobody's is not the invited one"
    assert "Revoked" in run("invites", "revoke", "bob@example.org").out
    assert "bob@example.org" not in run("invites", "list").out
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
    assert "sealed 1 secret with it" in done.out
    assert old in done.out
    assert "Back up the keyring" in done.err
    assert old not in run("secrets", "status").out
    assert "keyring.rotated" in run("audit", "list", "--action", "keyring.*").out
    assert "qrst" not in run("secrets", "status", "--json").out
