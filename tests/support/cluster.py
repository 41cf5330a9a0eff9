"""Headworks as many processes: a control plane, whoever stores usage, and gateways, on a real PostgreSQL and a real RabbitMQ."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from headworks.bootstrap.authority import issue, make_authority
from tests.support.child import Child, free_port
from tests.support.headworks import Headworks
from tests.support.rabbitmq import RabbitServer
from tests.support.servers.postgresql import PostgresqlServer

if TYPE_CHECKING:
    from pathlib import Path


class Cluster:
    """As a context manager: started, and ended whatever state it is in. Raises Missing where a server is not installed."""

    def __init__(self, folder: Path, *, gateways: int = 1, usage: int = 1, **settings: str) -> None:
        """`settings` are those of every process."""
        self._folder = folder
        self._stack = ExitStack()
        self._counts = gateways, usage
        self._settings = settings

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self.postgresql = PostgresqlServer().start()
        stack.callback(self.postgresql.close)
        self.rabbitmq = stack.enter_context(RabbitServer())
        database = self.postgresql.url(self.postgresql.new_database())
        self.control_port = free_port()
        here = f"127.0.0.1:{self.control_port}"
        keyring = str(self._folder / "control" / "keyring")
        peers = certificates(self._folder / "certs")
        stored = {"database_url": database, "keyring": keyring, **self._settings}
        broker = {"bus_url": self.rabbitmq.url(), **self._settings}
        self.control = Headworks(
            self._folder / "control", role="control", gateways_listen=here, **{**stored, **broker}, **peers
        )
        self.gateways = [
            Headworks(self._folder / f"gateway-{number}", role="gateway", control_address=here, **broker, **peers)
            for number in range(self._counts[0])
        ]
        self.usage = [
            Headworks(self._folder / f"usage-{number}", role="usage", **{**stored, **broker})
            for number in range(self._counts[1])
        ]
        migrate(database, self._folder)
        for process in (self.control, *self.usage, *self.gateways):
            stack.enter_context(process)


def certificates(folder: Path) -> dict[str, str]:
    """The settings of a process that the others believe; here, one certificate does for all of them."""
    authority, mine = make_authority(folder), issue(folder, "peer", ["127.0.0.1"], 30)
    return {"peer_ca": str(authority.path), "peer_cert": str(mine.path), "peer_key": str(mine.key_path)}


def migrate(database: str, folder: Path) -> None:
    """Make the tables."""
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "db", "migrate"]
    settings = {"HEADWORKS_DATABASE_URL": database, "HEADWORKS_HOME": str(folder / "control")}
    with Child(command, log=folder / "migrate.log", settings=settings) as child:
        status = child.wait(120)
        assert status == 0, child.output()
