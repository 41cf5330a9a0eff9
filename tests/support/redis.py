"""A real Redis for tests: its own port and folder, no data on the disk, ended by its own id. A start takes a tenth of a second."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from headworks.kernel.redis import Address
from headworks.kernel.secrets import Secret
from tests.support.child import eventually, free_port
from tests.support.servers.missing import program

PASSWORD: Final = "pw@canary:7f/3?d#%"
"""With everything that a URL must quote. It must never be seen in a log or an answer."""


class RedisServer:
    """One server. Raises Missing where it is not installed."""

    def __init__(self) -> None:
        self._server = program("redis-server", "redis-server")
        self._client = program("redis-cli", "redis-tools")
        self.folder = Path(tempfile.mkdtemp(prefix="headworks-redis-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Started."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Ended, with its folder."""
        self.close()

    def start(self) -> Self:
        """Empty, and wait until it answers."""
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "requirepass": PASSWORD,
            "save": "",
            "appendonly": "no",
            "enable-debug-command": "yes",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [self._server, *options],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        eventually(self._answers, what="Redis")
        return self

    def kill(self) -> None:
        """End it at once, as `kill -9` does; `start` brings it back, empty."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> Address:
        """As a setting is read."""
        return Address.parse(Secret(self.url()))

    def url(self, password: str = PASSWORD) -> str:
        """As somebody would set it."""
        return f"redis://:{quote(password, safe='')}@127.0.0.1:{self.port}/0"

    def ask(self, *command: str) -> str:
        """What redis-cli prints. Raises RuntimeError when it fails."""
        done = subprocess.run(  # noqa: S603 - our own command
            [self._client, "-p", str(self.port), *command],
            env={"REDISCLI_AUTH": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode:
            raise RuntimeError(f"redis-cli {command[0]}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def log(self) -> str:
        """What it said since it was made."""
        return (self.folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(self.log()[-4000:])
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as peer:
            peer.sendall(b"PING\r\n")
            # It wants a password first, which is an answer.
            return peer.recv(1) == b"-"
        return False
