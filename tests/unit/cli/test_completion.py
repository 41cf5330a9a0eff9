"""What the Tab key is answered: commands always, names where they come at once, and never a word beside that."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headworks.entrypoints.cli import main, tokens
from headworks.entrypoints.cli.completion import VARIABLE
from headworks.kernel.ids import new_id
from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, page, problem


@pytest.fixture
def tab(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tab:
    monkeypatch.delenv("HEADWORKS_PORT", raising=False)
    monkeypatch.setenv("HEADWORKS_HOME", str(home))
    return Tab(monkeypatch, capsys)


class Tab:
    """A bash that asks what a line may go on with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, line: str) -> list[str]:
        words = line.split(" ")
        self._monkeypatch.setenv(VARIABLE, "complete_bash")
        self._monkeypatch.setenv("COMP_WORDS", line)
        self._monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        self._monkeypatch.setattr(sys, "argv", ["headworks"])
        with pytest.raises(SystemExit):
            main()
        said = self._capsys.readouterr()
        assert said.err == ""
        return said.out.split()


def test_commands_and_options(tab: Tab) -> None:
    assert tab("headworks mod") == ["models"]
    assert {"add", "change", "list", "show", "remove"} == set(tab("headworks models "))
    assert tab("headworks invites create a@b --ro") == ["--role"]
    assert tab("headworks invites create a@b --role m") == ["maintainer"]


def test_names_come_from_the_server_that_the_line_names(tab: Tab, server: ScriptedServer, home: Path) -> None:
    server.on("GET", "/api/v1/models", page({"id": "mdl_1", "alias": "fast"}, {"id": "mdl_2", "alias": "team/slow"}))
    assert tab("headworks models remove ") == ["fast", "team/slow"]
    assert tab("headworks models remove te") == ["team/slow"]
    assert tab("headworks keys create x --model f") == ["fast"]
    other = home.rename(home.with_name("elsewhere"))
    assert tab("headworks models remove ") == []
    assert tab(f"headworks --home {other} models remove ") == ["fast", "team/slow"]
    assert tab(f"headworks --home {other} --port 9 models remove ") == []
    assert tab(f"headworks --home {other} --port nine models remove ") in ([], ["fast", "team/slow"])


def test_a_name_that_a_shell_might_read_is_its_id(tab: Tab, server: ScriptedServer) -> None:
    names = ["ok", "two words", "$(reboot)", "`x`", "a;b", "-rf", "mock:tokens=5", 'quo"te', "back\\slash", "ünï", ""]
    server.on("GET", "/api/v1/keys", page(*({"id": f"key_{index}", "name": name} for index, name in enumerate(names))))
    assert tab("headworks keys revoke ") == ["ok", *(f"key_{index}" for index in range(1, len(names)))]
    assert "key_0" in tab("headworks keys revoke key_")


def test_what_is_revoked_is_not_offered(tab: Tab, server: ScriptedServer) -> None:
    gone = {"id": "key_1", "name": "old", "state": "revoked"}
    server.on("GET", "/api/v1/keys", page(gone, {"id": "key_2", "name": "new", "state": "active"}))
    assert tab("headworks keys rotate ") == ["new"]


@pytest.mark.parametrize(
    "reply", [problem(403, "no"), problem(500, "no"), Reply(b"<html>", 200), Reply([1]), Reply({"data": None})]
)
def test_nothing_is_said_of_what_is_in_the_way(tab: Tab, server: ScriptedServer, reply: Reply) -> None:
    server.on("GET", "/api/v1/projects", reply)
    assert tab("headworks projects rename ") == []


def test_nobody_is_asked_for_anything(tab: Tab, server: ScriptedServer, home: Path) -> None:
    server.__exit__()
    assert tab("headworks projects rename ") == []
    (home / "credentials.json").write_text("{")
    assert tab("headworks projects rename ") == []
    (home / "credentials.json").unlink()
    assert tab("headworks projects rename ") == []


def test_a_token_that_has_run_out_is_left_as_it_is(tab: Tab, server: ScriptedServer, home: Path) -> None:
    kept = {"access_token": "x", "access_token_expires_at": datetime(2020, 1, 1, tzinfo=UTC).isoformat()}
    (home / tokens.FILE).write_text(json.dumps({server.origin: {**kept, "refresh_token": "y"}}))
    assert tab("headworks projects rename ") == []
    assert server.asked == []
    later = (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=36500)).isoformat()
    (home / tokens.FILE).write_text(json.dumps({server.origin: {**kept, "access_token_expires_at": later}}))
    server.on("GET", "/api/v1/projects", page({"id": new_id("prj"), "name": "Web"}))
    assert tab("headworks projects rename ") == ["Web"]
    assert server.asked[0].headers["authorization"] == "Bearer x"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_program(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.status == 0
    assert f"{VARIABLE}=complete_{shell}" in ran.out
    assert run("completion", "csh").status == 2


@pytest.mark.parametrize(
    ("noun", "one", "word"),
    [
        ("limits", {"id": "lim_1", "scope": "organization"}, "lim_1"),
        ("budgets", {"id": "bud_1", "name": "Everything"}, "Everything"),
        ("mark-ups", {"id": "mup_1", "ppm": 1}, "mup_1"),
    ],
)
def test_what_money_is_held_to(tab: Tab, server: ScriptedServer, noun: str, one: dict[str, object], word: str) -> None:
    server.on("GET", f"/api/v1/{noun}", page(one))
    assert tab(f"headworks {noun} remove ") == [word]
