"""The two commands that are no clients: what they hand on, and how they fail before anything starts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from headworks.dataplane import engine
from headworks.entrypoints import all_in_one, process

if TYPE_CHECKING:
    from pathlib import Path

    from headworks.bootstrap.settings import Settings
    from tests.unit.cli.conftest import Run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of every server that would have been started."""
    settings: list[Settings] = []

    def take(given: Settings) -> int:
        settings.append(given)
        return 0

    monkeypatch.setattr(all_in_one, "run", take)
    return settings


def test_the_environment_is_enough(run: Run, home: Path, started: list[Settings]) -> None:
    assert run("up").status == 0
    assert (started[0].home, started[0].port, started[0].discovery) == (home, 8080, True)


def test_options_win(run: Run, tmp_path: Path, started: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_PORT", "7000")
    other = tmp_path / "other"
    ran = run(
        "up", "--port", "9000", "--host", "127.0.0.2", "--home", str(other), "--no-discovery", "--log-level", "error"
    )
    assert ran.status == 0, ran
    (settings,) = started
    assert (settings.port, settings.host, settings.home) == (9000, "127.0.0.2", other)
    assert (settings.discovery, settings.log_level) == (False, "error")


def test_options_before_the_command_count_too(run: Run, tmp_path: Path, started: list[Settings]) -> None:
    run("--home", str(tmp_path / "other"), "--port", "7000", "up")
    assert (started[0].home, started[0].port) == (tmp_path / "other", 7000)


NEEDED = {
    "GATEWAYS_LISTEN": "127.0.0.1:8090",
    "CONTROL_ADDRESS": "127.0.0.1:8090",
    "BUS_URL": "amqp://u:p@127.0.0.1/headworks",
    "DATABASE_URL": "postgresql://u:p@127.0.0.1/headworks",
    "PEER_CA": "/ca.pem",
    "PEER_CERT": "/gateway.pem",
    "PEER_KEY": "/gateway-key.pem",
}


@pytest.mark.parametrize("role", ["gateway", "control", "usage", "worker"])
def test_a_role_is_a_process_of_its_own(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    settings: list[Settings] = []

    def take(given: Settings) -> int:
        settings.append(given)
        return 0

    def execv(_program: str, command: list[str]) -> None:
        monkeypatch.setattr(sys, "argv", command[3:])
        sys.exit(process.main())

    for name, value in NEEDED.items():
        monkeypatch.setenv(f"HEADWORKS_{name}", value)
    monkeypatch.setattr(f"headworks.entrypoints.{role}.run", take)
    monkeypatch.setattr(os, "execv", execv)
    assert run("run", role, "--port", "9000", "--home", str(tmp_path / "other")).status == 0
    assert (settings[0].port, settings[0].home) == (9000, tmp_path / "other")


@pytest.mark.parametrize(
    ("role", "lacks"),
    [
        ("gateway", "HEADWORKS_CONTROL_ADDRESS"),
        ("control", "HEADWORKS_GATEWAYS_LISTEN"),
        ("usage", "HEADWORKS_BUS_URL"),
        ("worker", "HEADWORKS_DATABASE_URL"),
        ("wizard", "wizard"),
    ],
)
def test_a_role_says_what_it_lacks(run: Run, tmp_path: Path, role: str, lacks: str) -> None:
    ran = run("run", role, "--home", str(tmp_path / "other"), "--port", "0")
    assert ran.status == 2
    assert lacks in ran.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("options", [("--port", "70000"), ("--tls-cert", "cert.pem"), ("--log-level", "loud")])
def test_wrong_options(run: Run, started: list[Settings], options: tuple[str, ...]) -> None:
    assert run("up", *options).status == 2
    assert started == []


def test_a_misspelt_setting(run: Run, started: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_PROT", "1")
    ran = run("up")
    assert ran.status == 2
    assert "HEADWORKS_PORT" in ran.err
    assert started == []


def test_the_mock_provider_gets_every_argument(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    def take(arguments: list[str]) -> int:
        given.append(arguments)
        return 7

    monkeypatch.setattr(engine, "run_mock_provider", take)
    assert run("mock-provider", "--port", "0", "--help", "x").status == 7
    assert given == [["--port", "0", "--help", "x"]]
