"""Settings are looked at before anything starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import Run

if TYPE_CHECKING:
    from pathlib import Path


def test_good_settings(run: Run) -> None:
    ran = run("config", "check")
    assert (ran.status, ran.out) == (0, "The settings are good.\n")


def test_what_is_wrong_and_what_does_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_PASSWORD_COST", "12")
    for name, value in {
        "CONTROL_ADDRESS": "127.0.0.1:8090",
        "PEER_CA": "/c",
        "PEER_CERT": "/p",
        "PEER_KEY": "/k",
    }.items():
        monkeypatch.setenv(f"HEADWORKS_{name}", value)
    ran = run("config", "check", "gateway")
    assert ran.status == 1
    assert "HEADWORKS_BUS_URL is needed" in ran.err
    assert "HEADWORKS_PASSWORD_COST does nothing here" in ran.err
    assert run("config", "check", "gateway", "--json").json() == {
        "role": "gateway",
        "wrong": [line for line in ran.err.replace("headworks: ", "").splitlines() if "is needed" in line],
        "inert": ["HEADWORKS_PASSWORD_COST"],
        "connections": {},
    }


def test_a_misspelt_setting_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_PROT", "1")
    ran = run("config", "check")
    assert ran.status == 1
    assert "did you mean HEADWORKS_PORT" in ran.err


def test_a_file_in_the_data_folder(run: Run, home: Path) -> None:
    (home / "headworks.toml").write_text("prot = 1\n")
    ran = run("config", "check")
    assert (ran.status, "did you mean port" in ran.err) == (1, True)
    (home / "headworks.toml").write_text("port = 9000\n[gateway]\npassword_cost = 12\n")
    assert run("config", "check").status == 0
    assert run("config", "check", "--json").json() == {"role": "up", "wrong": [], "inert": [], "connections": {}}
    assert "password_cost in [gateway] of" in run("config", "check", "gateway").err


def test_another_file_and_who_wins(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.toml"
    file.write_text('port = 9000\nhost = "::1"\ndatabase_url = "postgresql://u:canary@h/n"\n')
    file.chmod(0o600)
    monkeypatch.setenv("HEADWORKS_HOST", "127.0.0.9")
    ran = run("--config", str(file), "config", "show", "--json")
    assert "canary" not in ran.out
    found = {one["setting"]: one for one in json.loads(ran.out)}
    assert found["port"] == {"setting": "port", "value": 9000, "written": f"port in {file}"}
    assert (found["host"]["value"], found["host"]["written"]) == ("127.0.0.9", "HEADWORKS_HOST")
    assert (found["database_url"]["value"], found["workers"]["written"]) == ("(secret)", "default")
    assert "bus_url" not in found
    monkeypatch.setenv("HEADWORKS_CONFIG", str(file))
    found = {one["setting"]: one for one in json.loads(run("--port", "9009", "config", "show", "--json").out)}
    assert (found["port"]["value"], found["port"]["written"]) == (9009, "--port")
    shown = run("config", "show")
    assert (shown.status, "127.0.0.9" in shown.out, "canary" in shown.out) == (0, True, False)


def test_a_file_that_is_not_there_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    ran = run("--config", str(tmp_path / "nowhere.toml"), "config", "show")
    assert (ran.status, "nowhere.toml cannot be read" in ran.err) == (2, True)


def test_clients_find_the_data_folder_that_a_file_names(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADWORKS_HOME")
    file = tmp_path / "other.toml"
    file.write_text(f'home = "{home}"\n')
    assert "hw_sk_first" in run("--config", str(file), "env").out


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("prot=1", "did you mean port"),
        ("port", "Write --set port=9000"),
        ("port=many", "--port: input should be a valid integer"),
        ("bus_url=amqp://u:canary@h/v", "would show a secret"),
    ],
)
def test_settings_on_the_command_line(run: Run, pair: str, words: str) -> None:
    ran = run("run", "gateway", "--set", pair)
    assert (ran.status, words in ran.err, "canary" in ran.err) == (2, True, False), ran.err


def test_the_example_is_a_file(run: Run, home: Path) -> None:
    (home / "headworks.toml").write_text(run("config", "example").out)
    assert run("config", "check").out == "The settings are good.\n"


def test_the_connections_of_each_role_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_DATABASE_URL", "postgresql://me:canary@db.example/app")
    monkeypatch.setenv("HEADWORKS_USAGE_DATABASE_URL", "mariadb://me:canary@big.example/app")
    monkeypatch.setenv("HEADWORKS_DATABASE_CONNECTIONS", "4")
    monkeypatch.setenv("HEADWORKS_BUS_URL", "amqp://u:canary@127.0.0.1/x")
    told = run("config", "check")
    assert told.status == 0
    assert "It takes at most 28 connections of the database server db.example:5432." in told.err
    assert "It takes at most 12 connections of the database server big.example:3306." in told.err
    storing = run("config", "check", "usage", "--json").json()
    assert isinstance(storing, dict)
    assert storing["connections"] == {"db.example:5432": 20, "big.example:3306": 8}
    for role, most in (("gateway", {}), ("worker", {"db.example:5432": 12, "big.example:3306": 4})):
        told_of_role = run("config", "check", role, "--json").json()
        assert isinstance(told_of_role, dict)
        assert told_of_role["connections"] == most
    assert "canary" not in told.err + told.out
