"""kill -9 under load, at every step of a request's record and at random times: nothing is lost, nothing is recorded twice.

`python -m tests.prove.kills --cycles 200`; `tests/e2e/test_kills.py` is the short form. The upstream is not killed, and its
list of what it served is what the records are compared with. No loss in n kills bounds the rate by 3/n (95 %). All of it is
drawn from one hard budget: in the end the ledger agrees with the records, and nobody holds anything. Then the jobs of the
control plane are cut (`jobs.py`).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headworks.kernel.clock import now
from tests.prove import jobs
from tests.support.accounts import discrepancies
from tests.support.child import Failure, eventually
from tests.support.headworks import Headworks
from tests.support.load import Load
from tests.support.mock import MockProvider
from tests.support.rig import PROVIDER, Rig

FAIL_POINTS = tuple(f"K{number}" for number in range(10))
"""Of a request's record. K11 is of jobs; K10, between the ledger and a search index, is for when there is one."""
OF_THE_SHIPPER = frozenset({"K6", "K7", "K8", "K9"})
"""Reached once for each batch of records, not once for each request."""
BUDGET = {"name": "all", "scope": "organization", "amount_nanodollars": 10**15, "period": "total"}
MODELS = (
    "mock:tokens=5",
    "mock:tokens=40,rate=400",
    "mock:tokens=200,rate=2000,cached=3",
    "mock:tokens=300,reasoning=20",
    "mock:tokens=6,first_byte_ms=30",
)


@dataclass
class Result:
    """What the kills left behind."""

    kills: Counter[str] = field(default_factory=Counter)
    """By fail point; `random` for random times."""
    served: int = 0
    records: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    budget: dict[str, int] = field(default_factory=dict)
    """How it stands in the end, in nanodollars."""
    discrepancies: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """A short report."""
        kills = ", ".join(f"{point} {count}" for point, count in sorted(self.kills.items()))
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in self.outcomes.most_common())
        lines = [
            f"kills: {self.kills.total()} ({kills})",
            f"requests that the upstream served: {self.served}",
            f"records: {self.records} ({outcomes})",
            f"budget: {', '.join(f'{name} {amount}' for name, amount in self.budget.items())}",
            f"lost, double or wrong: {len(self.discrepancies)}",
            *self.discrepancies[:20],
        ]
        return "\n".join(lines)


def plan(cycles: int, chance: random.Random) -> list[str]:
    """Where each cycle's kill falls: half of them at fail points in turn, the n-th time they are reached; half at random."""
    points = [FAIL_POINTS[number % len(FAIL_POINTS)] for number in range(max(len(FAIL_POINTS), cycles // 2))]
    armed = [f"{point}:{chance.randint(1, 3 if point in OF_THE_SHIPPER else 40)}" for point in points]
    plan = armed + ["random"] * (cycles - len(armed))
    chance.shuffle(plan)
    return plan


def cycle(headworks: Headworks, models: list[str], where: str, chance: random.Random, *, clients: int) -> None:
    """Start, put under load, and kill or wait for the fail point to do it. Raises Failure when it is never reached."""
    headworks.start(ready=where == "random", fail_point=None if where == "random" else where)
    with Load(headworks, models, clients=clients, seed=chance.randrange(2**32)):
        if where == "random":
            time.sleep(chance.uniform(0.05, 1.0))
            headworks.kill()
        else:
            eventually(lambda: not headworks.child.alive, what=f"death at {where}", seconds=60)
            headworks.kill()


def prove(cycles: int, folder: Path, *, seed: int, clients: int = 8) -> Result:
    """Kill Headworks `cycles` times and compare the accounts. `seed` makes the plan, not the timing, repeatable."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    result = Result()
    with MockProvider(folder) as upstream, Headworks(folder / "home") as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        models = [priced(rig, upstream_model) for upstream_model in MODELS]
        priced_at = now()
        budget = headworks.management.post("/budgets", BUDGET)["id"]
        headworks.stop()
        for number, where in enumerate(plan(cycles, chance), 1):
            cycle(headworks, models, where, chance, clients=clients)
            result.kills[where.partition(":")[0]] += 1
            if number % 20 == 0:
                print(f"{number} of {cycles} kills", file=sys.stderr)  # noqa: T201
        headworks.start()
        upstream.wait_until_idle()
        compare(rig, result)
        _settle(rig, models[0], budget, result)
        result.discrepancies += jobs.cut_all(rig, budget, MODELS[0], priced_at)
        result.kills[jobs.FAIL_POINT] += len(jobs.NAMES)
    return result


def priced(rig: Rig, upstream_model: str) -> str:
    """An alias for it, with a price."""
    rates = {"input": 1_000_000_000, "output": 3_000_000_000}
    rig.headworks.management.post("/prices", {"provider": PROVIDER, "upstream_model": upstream_model, "rates": rates})
    return rig.model(upstream_model)


def _settle(rig: Rig, model: str, budget: str, result: Result) -> None:
    """A gateway that lives on lets go of what its former lives held, and of all that it holds when it ends in peace."""
    headworks = rig.headworks
    with headworks.openai() as client:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    headworks.stop()
    headworks.start()
    current = headworks.management.get(f"/budgets/{budget}")["current"]
    result.budget = {name: current[name]["nanodollars"] for name in ("authorized", "spent", "held")}
    if result.budget["held"]:
        result.discrepancies.append(f"still held: {result.budget['held']}")
    report = headworks.management.get("/ledger/verification")
    result.discrepancies += [f"the ledger does not agree: {fault}" for fault in report["faults"]]
    if not result.budget["spent"]:
        result.discrepancies.append("nothing was drawn from the budget")


def compare(rig: Rig, result: Result, *, seconds: float = 15) -> None:
    """Fills in what the accounts say once everything has reached them."""
    served = rig.upstream.requests()

    def agreed() -> bool:
        records = rig.headworks.management.usage_events()
        result.served, result.records = len(served), len(records)
        result.outcomes = Counter(record["outcome"] for record in records)
        result.discrepancies = discrepancies(served, records)
        return not result.discrepancies

    with suppress(Failure):
        eventually(agreed, what="accounts that agree", seconds=seconds, pause=0.5)


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        result = prove(arguments.cycles, Path(folder), seed=arguments.seed, clients=arguments.clients)
    print(result)  # noqa: T201
    return 1 if result.discrepancies else 0


if __name__ == "__main__":
    sys.exit(main())
