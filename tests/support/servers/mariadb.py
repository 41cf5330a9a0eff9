"""MariaDB: new data takes a second and a half, a start one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

from tests.support.child import eventually
from tests.support.servers.missing import program
from tests.support.servers.server import PASSWORD, ROLE, Server

_ROLES = f"""CREATE USER {ROLE}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO {ROLE}@'127.0.0.1' WITH GRANT OPTION;
"""


class MariadbServer(Server):
    """One server, with the settings of its package: `latin1_swedish_ci` is what it compares by unless it is told."""

    scheme = "mariadb"
    user = "mysql"

    def __init__(self, *options: str) -> None:
        names = ("mariadb-install-db", "mariadbd", "mariadb")
        self._programs = {name: program(name, "mariadb-server") for name in names}
        super().__init__()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The server's folder."""
        return self.folder / "data"

    @property
    def _own_tmpdir(self) -> str:
        # A server that starts removes all temporary tables of its folder for them, those of others that run there, too.
        return f"--tmpdir={self.folder}"

    def start(self) -> Self:
        """See `Server`."""
        options = [
            "--no-defaults",
            f"--datadir={self.data}",
            f"--socket={self.folder / 'socket'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder / 'pid'}",
            self._own_tmpdir,
            "--skip-log-bin",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2",
            *self.options,
        ]
        if not self.data.exists():
            self._init()
            options.append(f"--init-file={self.folder / 'roles.sql'}")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self.as_its_user(self._programs["mariadbd"], *options),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._answers, what="MariaDB", seconds=60)
        return self

    def kill(self) -> None:
        """See `Server`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def create(self, database: str) -> None:
        """With nothing said about how text compares."""
        self.run(f"CREATE DATABASE {database}")

    def run(self, statement: str, database: str | None = None) -> str:
        """See `Server`."""
        command = [self._programs["mariadb"], "--no-defaults", "-h127.0.0.1", f"-P{self.port}", f"-u{ROLE}", "-BN"]
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "-e", statement, *([database] if database else [])],
            env={"MYSQL_PWD": PASSWORD, "PATH": os.defpath},
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
        subprocess.run(  # noqa: S603 - our own command
            self.as_its_user(
                self._programs["mariadb-install-db"],
                *("--no-defaults", f"--datadir={self.data}", self._own_tmpdir),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
            ),
            capture_output=True,
            check=True,
        )
        roles = self.folder / "roles.sql"
        roles.write_text(_ROLES)
        roles.chmod(0o644)
