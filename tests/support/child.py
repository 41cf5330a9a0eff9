"""A child process whose output goes to a file, ended by its own id and by nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
FOREIGN_SETTINGS = ("HEADWORKS_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "MISTRAL_", "GROQ_", "OPENROUTER_")

T = TypeVar("T")


class Failure(AssertionError):
    """The processes under test did not do what was waited for."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(attempt: Callable[[], T | None], *, what: str, seconds: float = 20.0, pause: float = 0.02) -> T:
    """The first result of `attempt` that is not None, False or empty. Raises Failure naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = attempt()
        if result:
            return result
        if time.monotonic() > deadline:
            message = f"{what}: not within {seconds:g} s; last: {result!r}"
            raise Failure(message)
        time.sleep(pause)


class Child:
    """A started process. As a context manager it is killed at the end, if it still lives."""

    def __init__(self, command: Sequence[str], *, log: Path, settings: Mapping[str, str] | None = None) -> None:
        """Start `command` in the project's root, with `settings` added to an environment free of the developer's own."""
        inherited = os.environ.items()  # noqa: TID251 - handed on to the child, not read
        clean = {name: value for name, value in inherited if not name.startswith(FOREIGN_SETTINGS)}
        self.log = log
        self.command = tuple(command)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                cwd=ROOT,
                env=clean | {"PYTHONPATH": str(ROOT / "src")} | dict(settings or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Nothing to do: it has started."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still lives."""
        self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def output(self) -> str:
        """All that it, and earlier processes with the same log, wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if self.alive:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Its exit status. Raises Failure when it does not end in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            message = f"{self.command[0]} (pid {self.pid}) did not end within {seconds:g} s:\n{self.output()[-4000:]}"
            raise Failure(message) from None

    def kill(self) -> None:
        """End it at once, as `kill -9` does, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def resident_bytes(self) -> int:
        """Its resident memory."""
        size: int = psutil.Process(self.pid).memory_info().rss
        return size
