"""What a cluster does while two of its parts do not hear each other: served, refused, recorded, and how long until all is well again.

`python -m tests.prove.partitions --seconds 20` prints the table of docs/explanation/partitions.md. A gateway and the control plane have
network namespaces of their own; links between them, to PostgreSQL, to RabbitMQ and to Redis are cut one after the other, so that packets
vanish.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from headworks.bootstrap.authority import issue, make_authority
from tests.support.child import eventually, free_port
from tests.support.cluster import Assembled, migrate
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.namespaces import Network, inside
from tests.support.rabbitmq import RabbitServer
from tests.support.redis import RedisServer
from tests.support.servers.postgresql import PostgresqlServer

if TYPE_CHECKING:
    from tests.support.namespaces import Link

_BODY: Any = {"messages": [{"role": "user", "content": "one two three"}]}
_PAUSE = 0.05
_WELL_SECONDS = 180
PARTITIONS = ("gateway and control", "gateway and RabbitMQ", "control and PostgreSQL", "control and Redis")


class Parted(Assembled):
    """A cluster of one gateway whose links can be cut. Raises Missing where it cannot be made."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _start(self, stack: ExitStack) -> None:
        network = stack.enter_context(Network())
        control, gateway = network.namespace("control"), network.namespace("gateway")
        people, callers = network.link(None, control), network.link(None, gateway)
        database, broker, counters = (
            network.link(None, control),
            network.link(None, gateway),
            network.link(None, control),
        )
        asked = network.link(control, gateway)
        self.links: dict[str, Link] = dict(zip(PARTITIONS, (asked, broker, database, counters), strict=True))
        self.upstream = stack.enter_context(MockProvider(self._folder))
        self.postgresql = PostgresqlServer().start()
        stack.callback(self.postgresql.close)
        self.rabbitmq = stack.enter_context(RabbitServer())
        redis = stack.enter_context(RedisServer())
        url = self.postgresql.url(self.postgresql.new_database())
        certificates = self._folder / "certs"
        authority = make_authority(certificates)
        mine = issue(certificates, "peer", [asked.one.address], 30)
        peers = {"peer_ca": str(authority.path), "peer_cert": str(mine.path), "peer_key": str(mine.key_path)}
        listens = f"{asked.one.address}:{free_port()}"
        keyring = str(self._folder / "control" / "keyring")
        through = url.replace(f"127.0.0.1:{self.postgresql.port}", network.way(database, self.postgresql.port))
        here = self.rabbitmq.url()
        to_broker = here.replace(f"127.0.0.1:{self.rabbitmq.port}", network.way(broker, self.rabbitmq.port))
        to_redis = redis.url().replace(f"127.0.0.1:{redis.port}", network.way(counters, redis.port))
        assert through != url
        assert to_broker != here
        assert to_redis != redis.url()
        self.control = Headworks(
            self._folder / "control",
            role="control",
            within=inside(control),
            host=people.other.address,
            database_url=f"{through}?sslmode=disable",
            keyring=keyring,
            gateways_listen=listens,
            redis_url=f"{to_redis}?sslmode=disable",
            **peers,
        )
        self.gateway = Headworks(
            self._folder / "gateway",
            role="gateway",
            within=inside(gateway),
            host=callers.other.address,
            control_address=listens,
            bus_url=f"{to_broker}?sslmode=disable",
            metrics_networks=f"{callers.one.address}/32",
            **peers,
        )
        self.usage = Headworks(
            self._folder / "usage", role="usage", database_url=url, keyring=keyring, bus_url=self.rabbitmq.url()
        )
        migrate(url, self._folder)
        for process in (self.control, self.usage, self.gateway):
            stack.enter_context(process)
        port = int(self.upstream.base_url.removesuffix("/v1").rpartition(":")[2])
        api = self.control.management
        api.add_provider("mock", f"http://{network.way(callers, port)}/v1", api_key="sk-x")
        api.add_model("answer", ("mock", "mock:tokens=5"))
        rates = {"input": 150_000_000, "output": 600_000_000}
        api.post("/prices", {"provider": "mock", "upstream_model": "mock:tokens=5", "rates": rates})
        held, self.free = api.create_key("held to a budget"), api.create_key("free")["key"]
        of_key = {"scope": "key", "scope_id": held["id"]}
        api.post("/budgets", {**of_key, "name": "of the key", "amount_nanodollars": 10**12, "period": "month"})
        for unit, window in (("requests", "minute"), ("concurrent", None)):
            api.post("/limits", {**of_key, "unit": unit, "window": window, "amount": 10**6})
        self.held = held["key"]
        self._strangers = iter([api.create_key(f"never seen {number}")["key"] for number in range(2 * len(PARTITIONS))])
        for key in (self.held, self.free):
            eventually(lambda key=key: self.ask(key) == httpx.codes.OK, what="a first answer")  # type: ignore[misc]

    def stranger(self) -> str:
        """A key that the gateway has not met."""
        key: str = next(self._strangers)
        return key

    def ask(self, key: str, seconds: float = 30) -> int:
        """The status of one request; 0 where there was no answer."""
        try:
            with httpx.Client(trust_env=False, timeout=seconds) as client:
                headers = {"authorization": f"Bearer {key}"}
                return client.post(
                    f"{self.gateway.url}/v1/chat/completions", json={"model": "answer", **_BODY}, headers=headers
                ).status_code
        except httpx.TransportError:
            return 0

    def manage(self) -> int:
        """The status of one question to the management API; 0 where there was no answer."""
        try:
            headers = {"authorization": f"Bearer {self.control.credentials.management_key}"}
            return httpx.get(
                f"{self.control.url}/api/v1/keys", headers=headers, trust_env=False, timeout=60
            ).status_code
        except httpx.TransportError:
            return 0

    @property
    def is_well(self) -> bool:
        """Whether everybody says so, and nothing waits."""
        return (
            all(self._ready(process) for process in (self.control, self.usage, self.gateway))
            and self.gateway.metric("headworks_control_heard") == 1
            and self.gateway.metric("headworks_spool_unshipped_records") == 0
            and self.manage() == httpx.codes.OK
        )

    @staticmethod
    def _ready(process: Headworks) -> bool:
        try:
            answer = httpx.get(f"{process.url}/health/ready", trust_env=False, timeout=10)
        except httpx.TransportError:
            return False
        return bool(answer.json()["status"] == "ready")


@dataclass
class Seen:
    """What a partition did."""

    free: Counter[int] = field(default_factory=Counter)
    """Statuses of requests that the gateway knows all about, of a key without a budget."""
    held: Counter[int] = field(default_factory=Counter)
    """The same with a hard budget and limits."""
    slowest: float = 0
    """Seconds that one of them took."""
    unknown: int = -1
    """Status of a request with a key that the gateway had never met."""
    management: int = -1
    management_seconds: float = 0
    recovered: float = 0
    """Seconds from the mending until everybody was ready and nothing waited."""
    lost: int = -1
    """Requests that the upstream served and that have no record."""
    twice: int = -1


def part(parted: Parted, name: str, seconds: float) -> Seen:
    """Cut that link for so long, under load."""
    seen, over = Seen(), threading.Event()

    def ask_on(key: str, statuses: Counter[int]) -> None:
        while not over.wait(_PAUSE):
            began = time.monotonic()
            status = parted.ask(key)
            statuses[status] += 1
            if status == httpx.codes.OK:
                seen.slowest = max(seen.slowest, time.monotonic() - began)

    def manage() -> None:
        began = time.monotonic()
        seen.management = parted.manage()
        seen.management_seconds = time.monotonic() - began

    def ask_as_stranger() -> None:
        seen.unknown = parted.ask(parted.stranger())

    before = {one.request_id for one in parted.upstream.requests()}
    load = [
        threading.Thread(target=ask_on, args=(parted.free, seen.free)),
        threading.Thread(target=ask_on, args=(parted.held, seen.held)),
    ]
    others = [threading.Thread(target=manage), threading.Thread(target=ask_as_stranger)]
    for thread in load:
        thread.start()
    link = parted.links[name]
    link.cut()
    try:
        for thread in others:
            thread.start()
        time.sleep(seconds)
    finally:
        link.mend()
        mended_at = time.monotonic()
        over.set()
        for thread in (*load, *others):
            thread.join()
    eventually(lambda: parted.is_well, what=f"{name}: all is well again", seconds=_WELL_SECONDS)
    seen.recovered = time.monotonic() - mended_at
    parted.upstream.wait_until_idle()
    served = {one.request_id for one in parted.upstream.requests()} - before

    def recorded() -> Counter[str]:
        return Counter(one["event_id"] for one in parted.control.management.usage_events() if one["event_id"] in served)

    eventually(lambda: len(recorded()) == len(served), what="records of what was served", seconds=_WELL_SECONDS)
    found = recorded()
    seen.lost, seen.twice = len(served) - len(found), sum(found.values()) - len(found)
    return seen


def row(name: str, seconds: float, seen: Seen) -> str:
    """A line of the table."""
    management = f"{seen.management or 'no answer'} after {seen.management_seconds:.1f} s"
    cells = (
        f"{name}, {seconds:.0f} s",
        _said(seen.free),
        _said(seen.held),
        f"{1000 * seen.slowest:.0f} ms",
        str(seen.unknown or "no answer"),
        management,
        f"{seen.lost} lost, {seen.twice} double",
        f"{seen.recovered:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def _said(statuses: Counter[int]) -> str:
    others = ", ".join(
        f"{count} x {status or 'no answer'}" for status, count in sorted(statuses.items()) if status != httpx.codes.OK
    )
    return f"{statuses[httpx.codes.OK]} of {statuses.total()}" + (f"; {others}" if others else "")


def say(line: str) -> None:
    """At once: a partition takes its time."""
    print(line, flush=True)  # noqa: T201


def main() -> int:
    """1 where something was lost, recorded twice, or a request without a budget was not served."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each cut lasts")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headworks-partitions-") as folder, Parted(Path(folder)) as parted:
        say(
            "| cut between | key without a budget: served | key with a hard budget and limits | slowest served | new key | management API | records | well again after |"
        )
        say("| --- | --- | --- | --- | --- | --- | --- | --- |")
        wrong = 0
        for name in PARTITIONS:
            seen = part(parted, name, wish.seconds)
            say(row(name, wish.seconds, seen))
            wrong += seen.lost + seen.twice + seen.free.total() - seen.free[httpx.codes.OK]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
