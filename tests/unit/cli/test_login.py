"""Signing in on the command line, against the real management API."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from headworks.entrypoints.cli import secret_input, tokens
from headworks.entrypoints.cli.secret_input import Answers
from headworks.kernel.clock import now
from tests.unit.cli.conftest import Run
from tests.unit.cli.served import Api

OPERATOR = "operator@localhost"
OWN = "a quartz vow of staples"


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


def one_time(home: Path) -> str:
    return str(json.loads((home / "credentials.json").read_text())["operator_password"])


def stored(home: Path) -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = json.loads((home / tokens.FILE).read_text())
    return content


def enter(run: Run, home: Path) -> None:
    """Sign in as the operator, with a password of their own."""
    made = one_time(home)
    assert run("login", OPERATOR, stdin=f"{made}\n").status == 0
    assert run("password", stdin=f"{made}\n{OWN}\n").status == 0


def test_the_first_operator_chooses_a_password_and_then_works(run: Run, home: Path) -> None:
    made = one_time(home)
    entered = run("login", OPERATOR, stdin=f"{made}\n")
    assert entered.status == 0, entered
    assert "headworks password" in entered.err
    refused = run("keys", "list")
    assert refused.status == 1
    assert "headworks password" in refused.err
    assert run("password", stdin=f"{made}\npassword123\n").status == 1
    assert run("password", stdin=f"{made}\n{OWN}\n").status == 0
    assert run("keys", "list").status == 0
    assert "operator_password" not in json.loads((home / "credentials.json").read_text())
    me = run("whoami", "--json").json()
    assert isinstance(me, dict)
    assert (me["kind"], me["user"]["email"], me["is_operator"]) == ("user", OPERATOR, True)
    assert OPERATOR in run("whoami").out


def test_no_secret_is_printed_and_the_file_is_private(run: Run, home: Path) -> None:
    made = one_time(home)
    entered = run("login", OPERATOR, "--json", stdin=f"{made}\n")
    kept = stored(home)
    (session,) = kept.values()
    for secret in (made, session["access_token"], session["refresh_token"]):
        assert secret not in entered.out + entered.err
    assert stat.S_IMODE((home / tokens.FILE).stat().st_mode) == 0o600


def test_what_runs_out_is_refreshed_silently(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(run, home)
    ((origin, before),) = stored(home).items()
    path = home / tokens.FILE
    soon = (now() + timedelta(seconds=30)).isoformat()
    path.write_text(json.dumps({origin: {**before, "access_token_expires_at": soon}}))
    ran = run("whoami")
    assert (ran.status, ran.err) == (0, "")
    after = stored(home)[origin]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["access_token"] != before["access_token"]


def test_signing_out_ends_it_here_and_there(run: Run, home: Path) -> None:
    enter(run, home)
    before = stored(home)
    assert run("logout").status == 0
    assert stored(home) == {}
    # Back to the key of the data folder.
    assert "system" not in run("whoami").out
    assert isinstance(me := run("whoami", "--json").json(), dict)
    assert me["kind"] == "key"
    (home / tokens.FILE).write_text(json.dumps(before))
    gone = run("whoami")
    assert gone.status == 1
    assert "headworks login" in gone.err
    again = run("logout")
    assert again.status == 1
    assert stored(home) == {}
    assert run("logout").status == 1


def test_a_wrong_password_leaves_nothing_behind(run: Run, home: Path) -> None:
    refused = run("login", OPERATOR, stdin="wrong password here\n")
    assert refused.status == 1
    assert "wrong" in refused.err
    assert not (home / tokens.FILE).exists()


@pytest.mark.parametrize("stdin", ["", "\n", "\n\n"])
def test_nothing_to_read_is_said(run: Run, stdin: str) -> None:
    ran = run("login", OPERATOR, stdin=stdin)
    assert ran.status == 2
    assert "password" in ran.err


@pytest.mark.parametrize("content", ["{", "[]", '{"http://127.0.0.1:1": 7}', "\udcff"])
def test_a_damaged_file_is_no_traceback(run: Run, home: Path, content: str) -> None:
    (home / tokens.FILE).write_text(content, errors="surrogateescape")
    ran = run("whoami")
    assert ran.status in (0, 1), ran
    assert "Traceback" not in ran.err


def test_tokens_go_to_no_other_server(run: Run, home: Path) -> None:
    enter(run, home)
    elsewhere = run("--url", "https://elsewhere.invalid", "whoami")
    assert elsewhere.status == 1
    assert "is not sent to" in elsewhere.err


def test_without_a_data_folder_they_lie_among_the_settings(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = one_time(home)
    origin = json.loads((home / "credentials.json").read_text())["api"].removesuffix("/api/v1")
    monkeypatch.setenv("HEADWORKS_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert run("--url", origin, "login", OPERATOR, stdin=f"{made}\n").status == 0
    assert (tmp_path / "settings" / "headworks" / tokens.FILE).exists()
    assert not (tmp_path / "nowhere").exists()
    assert OPERATOR in run("--url", origin, "whoami").out


def test_a_person_is_asked(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = one_time(home)
    typed = iter([made])
    monkeypatch.setattr(secret_input, "getpass", lambda _prompt: next(typed))
    monkeypatch.setattr(Answers, "__init__", lambda self: setattr(self, "are_typed", True))
    assert run("login", OPERATOR).status == 0
