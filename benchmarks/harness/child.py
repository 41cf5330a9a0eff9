"""A child process on a core of its own, with its output in a file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from harness.processes import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

NOT_OURS = ("HEADWORKS_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "MISTRAL_", "GROQ_", "OPENROUTER_")
"""What a developer may have set for other purposes: not for the processes that are measured."""
STOP_SECONDS = 20


class Child:
    """A started process. As a context manager it is stopped at the end."""

    def __init__(
        self, command: Sequence[str | Path], core: int, log: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """Start `command` on `core`, its output in `log`."""
        self.log = log
        self.pinned = ["taskset", "-c", str(core), *map(str, command)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.pinned, stdout=output, stderr=output, env=environment() | dict(settings or {})
            )
        self.tree = Tree(self._process.pid)

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """Ask it to end; end it where it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float = 30, pause: float = 0.02) -> None:
        """Wait; raises RuntimeError with the end of its output where it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                message = f"{' '.join(self.pinned)} is not ready after {seconds} s; its last words:\n{tail}"
                raise RuntimeError(message)
            time.sleep(pause)


def environment() -> dict[str, str]:
    """Ours, without a developer's own settings."""
    everything = os.environ.items()  # noqa: TID251 - handed on to a child, not read
    return {name: value for name, value in everything if not name.startswith(NOT_OURS)}


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers_well(url: str) -> bool:
    """Whether a GET brings a 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback addresses
            return True
    except OSError:
        return False


def answers(url: str) -> bool:
    """Whether a GET brings any HTTP answer."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback addresses
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
