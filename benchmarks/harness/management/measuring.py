"""Management on each database: fill it, then let all clients at it at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles as cut
from typing import TYPE_CHECKING, Any

from harness.child import environment
from harness.gateway import Headworks
from harness.load import FOREIGN_SHARE
from harness.machine import Busy
from harness.management import postgresql
from harness.management.fill import Amount, Operator, callers, fill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.scene import Scene

SQLITE, POSTGRESQL = "sqlite", "postgresql"
WARMUP_SECONDS = 3.0
_CLIENTS = Path(__file__).with_name("clients.py")
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Extent:
    """How large, and how long."""

    amount: Amount
    seconds: float
    rounds: int


def measure(scene: Scene, extent: Extent) -> dict[str, list[dict[str, Any]]]:
    """For each database a list with one entry a round."""
    found = {SQLITE: of_database(scene, extent, SQLITE)}
    if postgresql.is_installed():
        found[POSTGRESQL] = of_database(scene, extent, POSTGRESQL)
    else:
        print("bench: PostgreSQL is not installed; management is measured on SQLite alone", file=sys.stderr)
    return found


def of_database(scene: Scene, extent: Extent, database: str) -> list[dict[str, Any]]:
    """A new installation, filled once; then the rounds."""
    home, log = scene.folder / f"management-{database}", scene.folder / f"management-{database}.log"
    # A lower cost of passwords, and tokens that outlive the fill: neither is among what is measured.
    settings = {"HEADWORKS_PASSWORD_COST": "10", "HEADWORKS_ACCESS_TOKEN_SECONDS": "3600"}
    with ExitStack() as stack:
        if database == POSTGRESQL:
            server = stack.enter_context(postgresql.Postgresql(scene.load_core, scene.folder / "postgresql.log"))
            settings["HEADWORKS_DATABASE_URL"] = server.url
            migrate = [sys.executable, "-m", "headworks.entrypoints.cli", "--home", str(home), "db", "migrate"]
            subprocess.run(migrate, env=environment() | settings, stdout=subprocess.DEVNULL, check=True)
        headworks = stack.enter_context(Headworks(scene.proxy_core, home, log, settings))
        headworks.wait_until_managed()
        began = time.perf_counter()
        operator = Operator(headworks)
        organizations = fill(headworks, operator, extent.amount)
        filled = time.perf_counter() - began
        print(f"bench: management on {database}: filled in {filled:.0f} s", file=sys.stderr)
        clients = [asdict(caller) for caller in callers(headworks, operator, organizations, extent.amount.clients)]
        rounds = [window(scene, headworks, clients, extent.seconds) for _ in range(extent.rounds)]
    return [figures | {"fill_seconds": filled} for figures in rounds]


def window(scene: Scene, headworks: Headworks, clients: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """One round: latencies of reads and of writes, and how busy others were."""
    plan = {"port": headworks.port, "clients": clients, "seconds": seconds, "warmup_seconds": WARMUP_SECONDS}
    command = ["taskset", "-c", str(scene.load_core), sys.executable, str(_CLIENTS)]
    busy_before, cpu_before = Busy.now(), headworks.tree.cpu()
    done = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"the clients ended with {done.returncode}: {done.stderr[-2000:]}"
        raise RuntimeError(message)
    used, cpu = Busy.now().since(busy_before), headworks.tree.cpu().since(cpu_before)
    report = json.loads(done.stdout)
    count = len(report["reads_ms"]) + len(report["writes_ms"])
    # The clients and a database share the second core, so that only what was stolen tells of others.
    stolen = used.stolen / (seconds + WARMUP_SECONDS)
    return {
        "reads": summary(report["reads_ms"]),
        "writes": summary(report["writes_ms"]),
        "by_name": {name: summary(times) for name, times in sorted(report["by_name_ms"].items())},
        "failed": report["failed"],
        "requests_per_second": count / seconds,
        "cpu_by_thread": cpu.by_thread,
        "stolen_cores": stolen,
        "is_clean": stolen <= FOREIGN_SHARE,
    }


def summary(times_ms: Iterable[float]) -> dict[str, float]:
    """Milliseconds."""
    times = sorted(times_ms)
    if len(times) < 2:  # noqa: PLR2004 - nothing to part
        return {"count": len(times)}
    parts = cut(times, n=_PERCENT, method="inclusive")
    return {"count": len(times), "p50": parts[49], "p99": parts[98], "max": times[-1]}
