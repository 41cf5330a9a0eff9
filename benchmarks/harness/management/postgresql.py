"""A PostgreSQL of its own on the load generator's core, as Debian has it: every commit is synced to disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.child import Child, free_port

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_USER = "postgres"
_ADMIN = "postgres"


def is_installed() -> bool:
    """Whether there is one."""
    return bool(_FOLDERS)


class Postgresql(Child):
    """One cluster with one database, gone with its process."""

    def __init__(self, core: int, log: Path) -> None:
        """Make it, start it, and wait until it answers."""
        # Not below the run's own folder: that is closed to other users.
        self._folder = Path(tempfile.mkdtemp(prefix="headworks-bench-postgresql-"))
        self._port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER, _USER)
        made = ("initdb", "-D", str(self._folder / "data"), "-U", _ADMIN, "-A", "trust", "-E", "UTF8")
        subprocess.run(_command(*made, "--locale=C.UTF-8"), stdout=subprocess.DEVNULL, check=True)
        where = (
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"port={self._port}",
            "-c",
            f"unix_socket_directories={self._folder}",
        )
        super().__init__(_command("postgres", "-D", str(self._folder / "data"), *where), core, log)
        self.wait_until(lambda: self._psql("postgres", "SELECT 1") == 0)
        # Under the rules, as in a real installation: a superuser would pass row-level security.
        self._psql("postgres", "CREATE ROLE headworks LOGIN")
        self._psql("postgres", "CREATE DATABASE headworks OWNER headworks")
        self.url = f"postgresql://headworks@127.0.0.1:{self._port}/headworks"

    def stop(self) -> None:
        """With its data."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _psql(self, database: str, statement: str) -> int:
        command = _command("psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self._port), "-U", _ADMIN, "-d", database)
        done = subprocess.run([*command, "-c", statement], capture_output=True, check=False)
        return done.returncode


def _command(program: str, *arguments: str) -> list[str]:
    """As the server's own user where we are root, whom it refuses to be."""
    command = [str(_FOLDERS[0] / program), *arguments]
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", "env", "-C", "/", *command]
