"""PostgreSQL behind PgBouncer, as the guide on databases has it: who asks for a URL gets that of the pooler."""

from __future__ import annotations

import subprocess
from typing import Self

from tests.support.child import eventually, free_port
from tests.support.servers.missing import program
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.servers.server import PASSWORD, ROLE


class PooledPostgresqlServer(PostgresqlServer):
    """Statements of the tests go past the pooler."""

    def __init__(self) -> None:
        self._pooler_program = program("pgbouncer", "pgbouncer")
        super().__init__()
        self._pooler_port = free_port()
        self._pooler: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """See `Server`."""
        super().start()
        users, settings = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"{ROLE}" "{PASSWORD}"\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self._pooler_port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = session\n"
        )
        for file in (users, settings):
            file.chmod(0o644)
        with (self.folder / "pooler.log").open("ab") as log:
            self._pooler = subprocess.Popen(  # noqa: S603 - our own command
                self.as_its_user(self._pooler_program, str(settings)),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(lambda: "process up" in (self.folder / "pooler.log").read_text(), what="PgBouncer")
        return self

    def kill(self) -> None:
        """Both."""
        if self._pooler is not None:
            self._pooler.kill()
            self._pooler.wait()
            self._pooler = None
        super().kill()

    def url(self, database: str, **options: str) -> str:
        """See `Server`."""
        return super().url(database, **options).replace(f":{self.port}/", f":{self._pooler_port}/", 1)
