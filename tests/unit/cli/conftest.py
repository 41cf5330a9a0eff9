"""The command line as a user has it: arguments in; exit status, standard output and standard error out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from headworks.entrypoints.cli import main
from tests.support.scripted import Reply, ScriptedServer

if TYPE_CHECKING:
    from pathlib import Path

MANAGEMENT_KEY = "hw_mk_test"

Problem = Callable[..., Reply]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    def json(self) -> object:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, server: ScriptedServer) -> Path:
    """A data folder that tells of the scripted server."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    credentials = {
        "endpoint": f"{server.origin}/v1",
        "api": f"{server.origin}/api/v1",
        "api_key": "hw_sk_first",
        "management_key": MANAGEMENT_KEY,
    }
    path = folder / "credentials.json"
    path.write_text(json.dumps(credentials))
    path.chmod(0o600)
    return folder


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that plays Headworks."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command with the data folder of `home`."""
    monkeypatch.delenv("HEADWORKS_PORT", raising=False)
    monkeypatch.setenv("HEADWORKS_HOME", str(home))

    def run_command(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["headworks", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run_command


def data(value: object, **meta: object) -> Reply:
    """An answer in the API's envelope."""
    return Reply({"data": value, "meta": {"request_id": "req_1", **meta}})


def page(*items: object, total_pages: int = 1) -> Reply:
    """A page of a list."""
    return data(list(items), total_pages=total_pages)


def problem(status: int, detail: str, *details: dict[str, str], code: str = "invalid_request") -> Reply:
    """An error as the management API answers it."""
    body = {
        "title": "The request is not valid",
        "status": status,
        "detail": detail,
        "error": {"code": code, "details": list(details)},
        "meta": {"request_id": "req_1"},
    }
    return Reply(body, status, {"content-type": "application/problem+json"})
