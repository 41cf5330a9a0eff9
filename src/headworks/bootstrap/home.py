"""The data folder: who may see it, who is using it, and where each thing lies in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.bootstrap.credentials import read_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK: Final = "headworks.lock"
"""The file that makes a folder ours; whoever serves from the folder holds a lock on it."""
_PRIVATE: Final = 0o700


class HomeError(Exception):
    """The data folder cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths in one data folder."""

    path: Path

    @property
    def identity(self) -> Path:
        """Database of organisations, projects, keys."""
        return self.path / "identity.sqlite3"

    @property
    def catalog(self) -> Path:
        """Database of providers, models, prices."""
        return self.path / "catalog.sqlite3"

    @property
    def limits(self) -> Path:
        """Database of limits."""
        return self.path / "limits.sqlite3"

    @property
    def usage(self) -> Path:
        """Database of usage."""
        return self.path / "usage.sqlite3"

    @property
    def keyring(self) -> Path:
        """The keys that stored provider credentials are encrypted with."""
        return self.path / "keyring"

    @property
    def credentials(self) -> Path:
        """Where the server is and the first keys, for people and for the command line."""
        return self.path / "credentials.json"

    @property
    def spool(self) -> Path:
        """The engine's usage spool, a folder."""
        return self.path / "spool"

    @property
    def kept_flows(self) -> Path:
        """What a gateway goes by while the control plane is away."""
        return self.path / "flows.sqlite3"

    @property
    def control_socket(self) -> Path:
        """Where the engine finds the control plane."""
        return self.path / "control.sock"

    @property
    def is_there(self) -> bool:
        """Whether the folder is one of ours."""
        return (self.path / _MARK).exists()

    def prepare(self) -> None:
        """Make the folder, for its owner alone. Raises HomeError when it is not ours to use."""
        try:
            self.path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            self._check()
            self.path.chmod(_PRIVATE)
            # Before anything else is in it, so that a start which is cut short can be repeated.
            (self.path / _MARK).touch(mode=0o600)
            self.spool.mkdir(mode=_PRIVATE, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"The data folder {self.path} cannot be used: {error.strerror}. Set HEADWORKS_HOME to a folder of your own."
            ) from error

    def _check(self) -> None:
        content = next(self.path.iterdir(), None)
        if content is not None and not (self.path / _MARK).exists():
            raise HomeError(
                f"{self.path} holds other things, such as {content.name}, and is no data folder of Headworks. Set "
                "HEADWORKS_HOME to a new or empty folder."
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder while the block runs. Raises HomeError, naming the holder, when another process has it."""
        descriptor = os.open(self.path / _MARK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeError(self._held_by(os.read(descriptor, 32))) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            # Closing lets go of the lock. The file stays: it marks the folder as ours.
            os.close(descriptor)

    def _held_by(self, content: bytes) -> str:
        holder = content.decode(errors="replace").strip() or "unknown"
        where = read_credentials(self.credentials).get("endpoint", "")
        serving = f", which serves {where}" if where else ""
        return (
            f"Headworks runs already on {self.path}: process {holder}{serving}. Stop it, or set HEADWORKS_HOME (and "
            "HEADWORKS_PORT) for a second one."
        )
