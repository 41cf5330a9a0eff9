"""Headworks as many processes: a control plane, whoever stores usage, a worker, and gateways, on a real PostgreSQL and a real RabbitMQ."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from headworks.bootstrap.authority import issue, make_authority
from tests.support.child import Child, free_port
from tests.support.headworks import Headworks
from tests.support.rabbitmq import RabbitServer
from tests.support.servers.postgresql import PostgresqlServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.redis import RedisServer


class Assembled(ABC):
    """Processes that belong together. As a context manager: started, and ended whatever state they are in."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @abstractmethod
    def _start(self, stack: ExitStack) -> None:
        """What is in `stack` ends with the block, also where the start breaks off."""


class Cluster(Assembled):
    """As a context manager: started, and ended whatever state it is in. Raises Missing where a server is not installed."""

    def __init__(
        self,
        folder: Path,
        *,
        gateways: int = 1,
        usage: int = 1,
        controls: int = 1,
        redis: RedisServer | None = None,
        **settings: str,
    ) -> None:
        """`settings` are those of every process; with `redis`, limits are shared by it. The first control plane has the keys."""
        super().__init__()
        self._folder = folder
        self._counts = gateways, usage, controls
        self._redis = redis
        self._settings = settings

    def _start(self, stack: ExitStack) -> None:
        self.postgresql = PostgresqlServer().start()
        stack.callback(self.postgresql.close)
        self.rabbitmq = stack.enter_context(RabbitServer())
        database = self.postgresql.url(self.postgresql.new_database())
        places = [f"127.0.0.1:{free_port()}" for _ in range(self._counts[2])]
        keyring = str(self._folder / "control" / "keyring")
        peers = certificates(self._folder / "certs")
        stored = {"database_url": database, "keyring": keyring, "upkeep": "false", **self._settings}
        broker = {"bus_url": self.rabbitmq.url(), **self._settings}
        shared = {} if self._redis is None else {"redis_url": self._redis.url()}
        self.controls = [
            Headworks(
                self._folder / ("control" if not number else f"control-{number}"),
                role="control",
                gateways_listen=place,
                **{**stored, **broker},
                **peers,
                **shared,
            )
            for number, place in enumerate(places)
        ]
        self.control = self.controls[0]
        known = ",".join(places)
        self.gateways = [
            Headworks(self._folder / f"gateway-{number}", role="gateway", control_address=known, **broker, **peers)
            for number in range(self._counts[0])
        ]
        self.usage = [
            Headworks(self._folder / f"usage-{number}", role="usage", **{**stored, **broker})
            for number in range(self._counts[1])
        ]
        self.worker = Headworks(self._folder / "worker", role="worker", **{**stored, "upkeep": "true"})
        migrate(database, self._folder)
        for process in self.processes:
            stack.enter_context(process)

    @property
    def processes(self) -> tuple[Headworks, ...]:
        """Of Headworks, in the order in which they start."""
        return *self.controls, *self.usage, self.worker, *self.gateways

    def revive(self) -> None:
        """Start whoever is dead."""
        if not self.rabbitmq.alive:
            self.rabbitmq.start()
        for process in self.processes:
            if not process.child.alive:
                process.start()


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
