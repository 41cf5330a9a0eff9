"""Every process of a cluster restarted one after the other, under load, as for an upgrade: no request fails, nothing is lost.

`python -m tests.prove.rolling --rounds 10`; `tests/e2e/test_control_planes.py` is the short form. Two gateways behind nginx, two
control planes, one that stores usage. Each is ended by SIGTERM, and started again when it has ended. Streams end whole, or past the
limit (`HEADWORKS_DRAIN_SECONDS`) with an error event.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.prove.kills import Result, compare
from tests.support.child import eventually
from tests.support.cluster import Cluster
from tests.support.front import Front
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.steady import Seen, Steady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.headworks import Headworks

DRAIN_SECONDS = 4
_SETTLED_SECONDS = 60


def prove(rounds: int, folder: Path, *, clients: int = 4) -> tuple[Seen, Result]:
    """What clients saw, and how the accounts compare with what the upstream served."""
    with (
        MockProvider(folder) as upstream,
        Cluster(folder, gateways=2, controls=2, drain_seconds=str(DRAIN_SECONDS)) as cluster,
        Front(folder, _places(cluster.gateways), _places(cluster.controls)) as front,
    ):
        rig = Rig(cluster.control, upstream)
        rig.prepare()
        seen = roll(cluster, rig, front.port, rounds, clients=clients)
        if seen.failures:
            seen.failures.append(front.troubles[-4000:])
        result = Result()
        upstream.wait_until_idle()
        compare(rig, result, seconds=_SETTLED_SECONDS)
        report = cluster.control.management.get("/ledger/verification")
        result.discrepancies += [f"the ledger does not agree: {fault}" for fault in report["faults"]]
    return seen, result


def roll(cluster: Cluster, rig: Rig, port: int, rounds: int, *, clients: int = 4) -> Seen:
    """Restart all of them under load; what clients saw."""
    keys = cluster.control.credentials
    quick, streamed, endless = (
        rig.model(name) for name in ("mock:tokens=5", "mock:tokens=30,rate=60", "mock:tokens=100000,rate=20")
    )
    load = Steady(port, keys.api_key, keys.management_key, quick, streamed, endless, clients=clients)
    with load as running:
        for _ in range(rounds):
            for process in (*cluster.controls, *cluster.usage, *cluster.gateways):
                eventually(lambda: running.seen.answered and running.seen.made, what="answers")
                process.restart()
                before = running.seen.answered, running.seen.made
                eventually(
                    lambda before=before: running.seen.answered > before[0] and running.seen.made > before[1],  # type: ignore[misc]
                    what="answers after a restart",
                )
    return load.seen


def _places(processes: Sequence[Headworks]) -> list[str]:
    return [f"127.0.0.1:{process.port}" for process in processes]


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        seen, result = prove(arguments.rounds, Path(folder), clients=arguments.clients)
    print(  # noqa: T201
        f"{arguments.rounds} rounds of restarts: {seen.answered} answers, {seen.made} keys made and used, {seen.whole} streams whole, "
        f"{seen.told} told that they were cut, {len(seen.failures)} failures"
    )
    for failure in seen.failures[:20]:
        print(f"  {failure}")  # noqa: T201
    print(result)  # noqa: T201
    return 1 if seen.failures or result.discrepancies else 0


if __name__ == "__main__":
    sys.exit(main())
