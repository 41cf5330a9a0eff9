"""PostgreSQL: `initdb` takes less than a second, a start a tenth of one."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil

from tests.support.child import eventually
from tests.support.servers.missing import program
from tests.support.servers.server import PASSWORD, ROLE, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADMIN: Final = "postgres"
"""Who is above all rules. The role that Headworks has is under them, as its guide says."""
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class PostgresqlServer(Server):
    """One cluster. Nothing is synced to disk: a commit survives the death of the server, not that of the machine."""

    scheme = "postgresql"
    user = "postgres"

    def __init__(self, **settings: str) -> None:
        self._programs = {
            name: program(name, "postgresql", _FOLDERS) for name in ("initdb", "postgres", "psql", "pg_dump")
        }
        super().__init__()
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    def start(self) -> Self:
        """See `Server`."""
        is_new = not self.data.exists()
        if is_new:
            self._init()
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self.as_its_user(self._programs["postgres"], "-D", str(self.data), *options),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._answers, what="PostgreSQL")
        if is_new:
            self.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        return self

    def kill(self) -> None:
        """The postmaster and its children: without them the next start would wait for the shared memory."""
        if self._process is None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        # The postmaster first: it would start anew what dies before it.
        self._process.kill()
        self._process.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children)
        self._process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Within the block it takes connections and answers nothing: all of its processes stand still."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        everybody = [postmaster, *postmaster.children(recursive=True)]
        for process in everybody:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(everybody):
                process.resume()

    def become_standby(self) -> None:
        """As after a failover to a server that is no primary yet: it reads, and writes nothing until `promote`."""
        self.kill()
        signal = self.data / "standby.signal"
        signal.touch()
        if os.getuid() == 0:
            shutil.chown(signal, self.user, self.user)
        self.start()

    def promote(self) -> None:
        """Make it the primary."""
        self.run("SELECT pg_promote()")

    def create(self, database: str) -> None:
        """In a language that sorts otherwise than by code point, as most installations are."""
        self.run(
            f"CREATE DATABASE {database} OWNER {ROLE} TEMPLATE template0 LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )

    def run(self, statement: str, database: str | None = None) -> str:
        """See `Server`. As the administrator, who sees everything."""
        return self._psql("-At", "-F", "\t", "-c", statement, database=database or "postgres")

    def dump(self, database: str, *options: str) -> str:
        """What `pg_dump` writes for Headworks' own role. Raises RuntimeError where it refuses."""
        return self._client("pg_dump", ROLE, *options, database)

    def _psql(self, *options: str, database: str) -> str:
        return self._client("psql", _ADMIN, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, *options)

    def _client(self, name: str, role: str, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own command
            [self._programs[name], "-h", "127.0.0.1", "-p", str(self.port), "-U", role, *arguments],
            env={"PGPASSWORD": PASSWORD, "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def _answers(self) -> bool:
        try:
            return self.run("SELECT 1").strip() == "1"
        except RuntimeError:
            return False

    def _init(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(  # noqa: S603 - our own command
            self.as_its_user(
                self._programs["initdb"],
                *("-D", str(self.data), "-U", _ADMIN, "-A", "scram-sha-256", f"--pwfile={password}"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ),
            capture_output=True,
            check=True,
        )
        password.unlink()
