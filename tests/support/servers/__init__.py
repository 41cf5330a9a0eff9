"""Real database servers for tests: each in its own temporary folder, on a free loopback port, ended by its own id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from tests.support.servers.mariadb import MariadbServer
from tests.support.servers.missing import Missing
from tests.support.servers.postgresql import PostgresqlServer

if TYPE_CHECKING:
    from tests.support.servers.server import Server

__all__ = ["KINDS", "MariadbServer", "Missing", "PostgresqlServer", "Servers"]

KINDS: Final[dict[str, type[PostgresqlServer | MariadbServer]]] = {
    "postgresql": PostgresqlServer,
    "mariadb": MariadbServer,
}


class Servers:
    """At most one of each kind, started when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End those that run."""
        for server in self._running.values():
            server.close()

    def get(self, kind: str) -> Server:
        """The server of that kind. Raises Missing where its programs are not installed."""
        if kind not in self._running:
            self._running[kind] = KINDS[kind]().start()
        return self._running[kind]
