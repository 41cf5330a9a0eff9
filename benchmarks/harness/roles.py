"""Headworks as many processes: what a gateway costs that asks a control plane by gRPC, borrows, and hands usage to RabbitMQ.

The gateways have the proxies' core; PostgreSQL, RabbitMQ, the control plane and who stores usage share the load generator's.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.cluster import Cluster
from tests.support.rabbitmq import RabbitServer
from tests.support.servers import Missing
from tests.support.servers.postgresql import PostgresqlServer

from harness.installation import Installation
from harness.load import once
from harness.processes import Tree
from harness.scene import GATEWAY, Subject
from harness.steady import ANSWER, CONNECTIONS, KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.headworks import Headworks as Process

    from harness.scene import Scene

STORED_SECONDS = 600
LAG_RATE = 200
"""Requests a second: far below what is stored in that time, so that the way is measured and not the queue."""
_DONE = "SELECT count(*) FROM usage_events WHERE occurred_at_us >= {since_us}"
_LAG = (
    "SELECT array_to_json(percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY received_at_us - occurred_at_us - duration_us)) "
    "FROM usage_events WHERE occurred_at_us >= {since_us}"
)


@dataclass(frozen=True, slots=True)
class Extent:
    """For how long each is done."""

    seconds: float
    starts: int


class Gateway(Installation):
    """One gateway of a cluster that is managed at its control plane."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        """It runs."""
        super().__init__()
        self._control = cluster.control
        self.port = process.port
        self.tree = Tree(process.child.pid)

    @property
    def api_port(self) -> int:
        """The control plane's."""
        return self._control.port

    @property
    def credentials(self) -> dict[str, str]:
        """What the control plane's first start wrote."""
        found: dict[str, str] = json.loads((self._control.home / "credentials.json").read_text(encoding="utf-8"))
        return found


class Roles:
    """A cluster with two gateways, and a key with limits and budgets that are never reached."""

    def __init__(self, scene: Scene, cluster: Cluster, upstream_models: list[str]) -> None:
        """It runs; `upstream_models` get a price."""
        self._scene = scene
        self._cluster = cluster
        gateways = [Gateway(cluster, process) for process in cluster.gateways]
        gateways[0].add_upstream(f"{scene.mock.url}/v1")
        key = gateways[0].governed_key(upstream_models)
        self.subjects = [
            Subject(GATEWAY, f"http://127.0.0.1:{gateway.port}", gateway.tree, key, gateways[0]) for gateway in gateways
        ]
        for subject in self.subjects:
            scene.pin(subject, scene.proxy_core, scene.load_core)

    @property
    def subject(self) -> Subject:
        """The first gateway."""
        return self.subjects[0]

    def resident_mib(self) -> float:
        """Of the first gateway, as it is now."""
        return Tree(self._cluster.gateways[0].child.pid).resident_bytes() / 2**20

    def starts(self, count: int) -> list[float]:
        """Seconds from the start of the second gateway's process to its first answer; it has served before."""
        process, found = self._cluster.gateways[1], []
        model = self._scene.model(self.subject, ANSWER)
        for _ in range(count):
            process.stop()
            began = time.perf_counter()
            process.start(ready=False)
            Tree(process.child.pid).pin(self._scene.proxy_core)
            asked = Gateway(self._cluster, process)
            while not asked.is_answered(model):
                time.sleep(0.002)
            found.append(time.perf_counter() - began)
        return found

    def both(self, seconds: float) -> dict[str, float]:
        """Two gateways on one core, half the load each: what a request costs then."""
        trees = [Tree(process.child.pid) for process in self._cluster.gateways]
        subjects = [
            Subject(GATEWAY, process.url, tree, self.subject.bearer, self.subject.headworks)
            for process, tree in zip(self._cluster.gateways, trees, strict=True)
        ]
        model = self._scene.model(self.subject, ANSWER)
        options = ("--connections", CONNECTIONS // 2, "--seconds", seconds, "--warmup", 0.5, "--body-bytes", KIB)
        before = [tree.cpu() for tree in trees]
        with ThreadPoolExecutor(2) as pool:
            windows = list(
                pool.map(lambda subject: once(self._scene, subject, "closed", "--model", model, *options), subjects)
            )
        spent = sum(tree.cpu().since(cpu).total for tree, cpu in zip(trees, before, strict=True))
        good = sum(window.report["good_in_all"] for window in windows)
        return {
            "cpu_us_per_request": spent * 1e6 / max(good, 1),
            "requests_per_second": sum(window.report["requests_per_second"] for window in windows),
        }

    def pipeline(self, seconds: float) -> dict[str, float]:
        """Records on their way into the ledger: how many a second where there are too many, and how late where there are few."""
        model = self._scene.model(self.subject, ANSWER)
        rate = ("--connections", CONNECTIONS, "--seconds", 2 * seconds, "--warmup", 0.5, "--rate", LAG_RATE)
        since_us = time.time_ns() // 1_000
        few = once(self._scene, self.subject, "open", "--model", model, *rate)
        self._wait_until_stored(since_us, few.report["good_in_all"])
        p50, p99, longest = (us / 1e3 for us in json.loads(self._query(_LAG.format(since_us=since_us))))
        since_us, began = time.time_ns() // 1_000, time.perf_counter()
        saturated = ("--connections", CONNECTIONS, "--seconds", seconds, "--warmup", 0, "--body-bytes", KIB)
        many = once(self._scene, self.subject, "closed", "--model", model, *saturated)
        self._wait_until_stored(since_us, many.report["good_in_all"])
        took = time.perf_counter() - began
        return {
            "stored_per_second": many.report["good_in_all"] / took,
            "records": many.report["good_in_all"],
            "lag_ms_p50": p50,
            "lag_ms_p99": p99,
            "lag_ms_longest": longest,
        }

    def _wait_until_stored(self, since_us: int, count: int) -> None:
        deadline = time.monotonic() + STORED_SECONDS
        while int(self._query(_DONE.format(since_us=since_us))) < count:
            if time.monotonic() > deadline:
                message = f"{count} records were not stored within {STORED_SECONDS} s"
                raise RuntimeError(message)
            time.sleep(0.1)

    def _query(self, statement: str) -> str:
        database = self._cluster.usage[0].settings["database_url"].rpartition("/")[2]
        return self._cluster.postgresql.run(statement, database).strip()


def is_possible() -> bool:
    """Whether the servers that it takes are installed."""
    try:
        PostgresqlServer().close()
        RabbitServer().close()
    except Missing:
        return False
    return True


@contextmanager
def opened(scene: Scene, upstream_models: list[str]) -> Iterator[Roles]:
    """Until the block ends."""
    mine = os.sched_getaffinity(0)
    # What is started inherits it.
    os.sched_setaffinity(0, {scene.load_core})
    folder = scene.folder / "cluster"
    folder.mkdir(mode=0o755)
    try:
        with Cluster(folder, gateways=2) as cluster:
            os.sched_setaffinity(0, mine)
            yield Roles(scene, cluster, upstream_models)
    finally:
        os.sched_setaffinity(0, mine)
