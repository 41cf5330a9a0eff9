"""Certificates on the command line, from an authority to a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.cli.conftest import Run


def test_from_an_authority_to_a_list(run: Run, tmp_path: Path) -> None:
    folder = str(tmp_path / "certs")
    assert "There is none" in run("certs", "list", "--folder", folder).err
    assert "ca.pem" in run("certs", "authority", "--folder", folder).out
    made = run("certs", "issue", "control", "--host", "control.example.com", "--host", "10.0.0.5", "--folder", folder)
    assert "control.pem" in made.out
    assert "HEADWORKS_PEER_CERT" in made.err
    assert "control.example.com, 10.0.0.5" in run("certs", "list", "--folder", folder).out
    listed: Any = run("certs", "list", "--folder", folder, "--json").json()
    assert [one["name"] for one in listed] == ["ca", "control"]
    assert listed[1]["hosts"] == ["control.example.com", "10.0.0.5"]


def test_what_cannot_be_made_says_why(run: Run, tmp_path: Path) -> None:
    folder = str(tmp_path / "certs")
    for arguments, words in (
        (("issue", "control"), "headworks certs authority"),
        (("authority",), ""),
        (("authority",), "already"),
        (("issue", "../x"), "names no process"),
    ):
        ran = run("certs", *arguments, "--folder", folder)
        assert (ran.status, words in ran.err) == (1 if words else 0, True), ran
