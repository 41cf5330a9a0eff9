"""What all servers have in common: a folder that their own user owns, a port, a role with a password, databases."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from tests.support.child import free_port

ROLE: Final = "headworks"
PASSWORD: Final = "pw@canary:7f/3?d#%"
"""With everything that a URL must quote. It must never be seen in a log or an answer."""


class Server(ABC):
    """One server; databases are made in it as they are needed."""

    scheme: str
    user: str
    """Whom it runs as where we are root, since it refuses to be root."""

    def __init__(self) -> None:
        # Not below pytest's own folder: that is closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix=f"headworks-{self.scheme}-"))
        self.port = free_port()
        self._databases = 0
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.user)

    def url(self, database: str, **options: str) -> str:
        """The address of a database, as a user would set it."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        where = f"{self.scheme}://{ROLE}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"
        return f"{where}?{query}" if query else where

    def new_database(self) -> str:
        """A new empty database; its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.create(name)
        return name

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_its_user(self, *command: str) -> list[str]:
        """The command as the server's user runs it."""
        if os.getuid() != 0:
            return list(command)
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "env", "-C", "/", *command]

    @abstractmethod
    def start(self) -> Self:
        """Start it, the first time with new data, and wait until it takes connections."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once, as `kill -9` does; `start` brings it back with its data."""

    @abstractmethod
    def create(self, database: str) -> None:
        """Make a database."""

    @abstractmethod
    def run(self, statement: str, database: str | None = None) -> str:
        """What a statement gives, with tabs between columns."""
