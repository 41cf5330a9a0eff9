"""Settings are looked at before anything starts."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Run


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
    }


def test_a_misspelt_setting_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_PROT", "1")
    ran = run("config", "check")
    assert ran.status == 1
    assert "did you mean HEADWORKS_PORT" in ran.err
