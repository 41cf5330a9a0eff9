"""The doctor finds what is wrong, says how to mend it, and ends with 1 only when something does not work."""

from __future__ import annotations

import shutil
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from headworks import __version__
from headworks.entrypoints.cli.doctor import installation
from headworks.entrypoints.cli.doctor.report import Check, ok
from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, data, page, problem

if TYPE_CHECKING:
    from pathlib import Path

READY = {"status": "ready", "version": __version__, "checks": [{"name": "catalog", "state": "ok", "detail": ""}]}
PROVIDER: dict[str, object] = {"name": "mine", "origin": "manual", "credential": None, "problem": None}


@pytest.fixture(autouse=True)
def _extension_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the extension is built is not what these tests are about."""
    monkeypatch.setattr(installation, "_extension", lambda: ok("engine", "loads."))


@pytest.fixture
def upstream(server: ScriptedServer) -> str:
    """The scripted server is its own upstream, under another path; returns that base URL."""
    server.on("GET", "/up/v1/models", Reply({"data": [{"id": "m1"}, {"id": "m2"}]}))
    return f"{server.origin}/up/v1"


@pytest.fixture
def well(server: ScriptedServer, upstream: str) -> None:
    """A server that has nothing to complain of."""
    server.on("GET", "/health/ready", Reply(READY))
    server.on("GET", "/api/v1/status", data({"status": "ready"}))
    server.on("GET", "/api/v1/providers", page({**PROVIDER, "base_url": upstream}))


def found(run: Run, status: int = 0) -> dict[str, Check]:
    """The checks of a run, by name."""
    ran = run("doctor", "--json")
    assert ran.status == status, ran
    checks = ran.json()
    assert isinstance(checks, list)
    return {check["name"]: Check(**check) for check in checks}


@pytest.mark.usefixtures("well")
def test_all_is_well(run: Run) -> None:
    checks = found(run)
    outcomes = {check.outcome for name, check in checks.items() if name != "disk"}
    assert outcomes == {"ok"}
    assert "lists 2 models" in checks["provider mine"].message


@pytest.mark.usefixtures("well")
def test_for_people(run: Run, home: Path) -> None:
    home.chmod(0o755)
    ran = run("doctor")
    assert ran.status == 1
    assert f"chmod 700 {home}" in ran.out
    assert "data folder" in ran.err


@pytest.mark.usefixtures("well")
def test_credentials_that_others_may_read(run: Run, home: Path) -> None:
    (home / "credentials.json").chmod(0o644)
    assert "chmod 600" in found(run, 1)["credentials"].mend


def test_no_installation(run: Run, home: Path) -> None:
    shutil.rmtree(home)
    checks = found(run, 1)
    assert checks["data folder"].outcome == "fail"
    assert checks["server"].outcome == "fail"


def test_damaged_credentials(run: Run, home: Path) -> None:
    (home / "credentials.json").write_text("{}")
    checks = found(run, 1)
    assert "management_key" in checks["credentials"].message
    assert checks["server"].outcome == "fail"


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("free", "outcome"), [(10**8, "fail"), (10**9, "warn"), (10**11, "ok")])
def test_disk(run: Run, monkeypatch: pytest.MonkeyPatch, free: int, outcome: str) -> None:
    monkeypatch.setattr(installation, "_free_bytes", lambda _: free)
    assert found(run, int(outcome == "fail"))["disk"].outcome == outcome


def test_nothing_listens(run: Run, server: ScriptedServer) -> None:
    server.__exit__()
    checks = found(run, 1)
    assert checks["server"].outcome == "fail"
    assert "headworks up" in checks["server"].mend


def test_another_program_has_the_port(run: Run, server: ScriptedServer) -> None:
    server.on("GET", "/health/ready", Reply(b"<html>"))
    assert "Another program" in found(run, 1)["server"].mend


@pytest.mark.usefixtures("well")
def test_another_version(run: Run, server: ScriptedServer) -> None:
    server.on("GET", "/health/ready", Reply({**READY, "version": "9.9"}))
    check = found(run)["version"]
    assert (check.outcome, "9.9" in check.message) == ("warn", True)


@pytest.mark.usefixtures("well")
def test_a_clock_that_is_off(run: Run, server: ScriptedServer) -> None:
    server.on("GET", "/health/ready", Reply(READY, headers={"date": formatdate(0, usegmt=True)}))
    assert found(run)["clock"].outcome == "warn"


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("state", "outcome"), [("degraded", "warn"), ("failed", "fail")])
def test_what_the_server_says_of_its_parts(run: Run, server: ScriptedServer, state: str, outcome: str) -> None:
    checks = [{"name": "usage spool", "state": state, "detail": "full"}]
    server.on("GET", "/health/ready", Reply({**READY, "status": "unready", "checks": checks}, 503))
    check = found(run, int(outcome == "fail"))["usage spool"]
    assert (check.outcome, check.message) == (outcome, "full")


@pytest.mark.usefixtures("well")
def test_a_management_key_that_is_refused(run: Run, server: ScriptedServer) -> None:
    server.on("GET", "/api/v1/status", problem(401, "This key was revoked."))
    checks = found(run, 1)
    assert "revoked" in checks["management key"].message
    assert not any(name.startswith("provider") for name in checks)


@pytest.mark.usefixtures("well")
class TestProviders:
    def check(self, run: Run, server: ScriptedServer, status: int = 0, **fields: object) -> Check:
        """The check of one provider."""
        server.on("GET", "/api/v1/providers", page({**PROVIDER, **fields}))
        return found(run, status)["provider mine"]

    def test_none(self, run: Run, server: ScriptedServer) -> None:
        server.on("GET", "/api/v1/providers", page({"name": "headworks", "origin": "builtin"}))
        assert found(run)["providers"].outcome == "warn"

    def test_what_the_server_says_comes_first(self, run: Run, server: ScriptedServer) -> None:
        check = self.check(run, server, 1, base_url="http://127.0.0.1:1/v1", problem="X is not set")
        assert check.message == "X is not set"

    def test_unreachable(self, run: Run, server: ScriptedServer) -> None:
        assert "cannot be reached" in self.check(run, server, 1, base_url="http://127.0.0.1:1/v1").message

    def test_no_list(self, run: Run, server: ScriptedServer, upstream: str) -> None:
        server.on("GET", "/up/v1/models", Reply(status=404))
        assert self.check(run, server, base_url=upstream).outcome == "warn"

    def test_it_wants_a_key(self, run: Run, server: ScriptedServer, upstream: str) -> None:
        server.on("GET", "/up/v1/models", Reply({"error": {}}, 401))
        assert self.check(run, server, 1, base_url=upstream).outcome == "fail"
        stored = {"kind": "sealed", "last4": None, "reference": None}
        assert self.check(run, server, base_url=upstream, credential=stored).outcome == "ok"

    def test_a_key_of_the_environment_is_tried(
        self, run: Run, server: ScriptedServer, upstream: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UPSTREAM_KEY", "sk-tried")
        server.on("GET", "/up/v1/models", Reply({"error": {}}, 401))
        check = self.check(run, server, base_url=upstream, credential={"reference": "env:UPSTREAM_KEY"})
        asked = next(asked for asked in server.asked if asked.path == "/up/v1/models")
        assert asked.headers["authorization"] == "Bearer sk-tried"
        assert check.outcome == "warn"
        assert "sk-tried" not in check.message + check.mend
