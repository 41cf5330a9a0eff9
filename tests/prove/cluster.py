"""kill -9 of every process of a cluster in random order, under load; and revocation on every gateway.

`python -m tests.prove.cluster --cycles 200 --tries 100`. Killed are two gateways, whoever stores usage, the worker, two control planes,
RabbitMQ, PostgreSQL, and Redis, which comes back empty. The upstream is not, and its list of what it served is what the records are
compared with. All of it is drawn from one hard budget: in the end the ledger agrees with the records, and nobody holds anything. Limits
that are never reached refuse nobody, and who was killed serves again in time.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx

from tests.prove.kills import BUDGET, MODELS, Result, compare, priced
from tests.prove.revocation import PROMISED_SECONDS, until_refused
from tests.support.child import Failure, eventually
from tests.support.cluster import Cluster
from tests.support.headworks import Management
from tests.support.load import Load
from tests.support.mock import MockProvider
from tests.support.redis import RedisServer
from tests.support.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.headworks import Headworks

_SETTLED_SECONDS = 150
"""All that waits in spools and queues; and more than the term and the grace (90 s) of a hold that nobody asks for again."""
_PROMISED_BACK = {"gateway": 5.0, "control": 30.0}
"""Seconds from the start of a process to its being ready, by role."""
_LIMITS: tuple[dict[str, object], ...] = (
    {"unit": "requests", "window": "minute", "amount": 10**9},
    {"unit": "tokens", "window": "hour", "amount": 10**12},
    {"unit": "concurrent", "window": None, "amount": 10**6},
)
"""More than there will ever be."""
_REFUSALS = (401, 402, 403, 404, 429)


@dataclass
class Survived(Result):
    """What the kills left behind, what clients were told meanwhile, and how soon who was killed was back."""

    statuses: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """Of the errors among them, by code."""
    longest_pause: float = 0.0
    """Seconds in which one gateway gave no good answer, dead or alive."""
    back: dict[str, float] = field(default_factory=dict)
    """Seconds that the slowest start of each took."""

    def __str__(self) -> str:
        """A short report."""
        answers = ", ".join(f"{what} {count}" for what, count in sorted(self.refusals.items()))
        back = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(self.back.items()))
        return (
            f"{super().__str__()}\nanswers: 200 {self.statuses[HTTPStatus.OK]}, {answers}\n"
            f"seconds without a good answer of one gateway, at most: {self.longest_pause:.1f}\n"
            f"seconds until back, at most: {back}"
        )

    def judge(self) -> None:
        """Fills in what is not as promised."""
        self.discrepancies += [
            f"{name} was back after {seconds:.1f} s"
            for name, seconds in self.back.items()
            if seconds > _PROMISED_BACK.get(name.partition(" ")[0], math.inf)
        ]
        self.discrepancies += [f"{self.statuses[status]} x {status}" for status in _REFUSALS if self.statuses[status]]


def prove(cycles: int, tries: int, folder: Path, *, seed: int, clients: int = 4) -> tuple[Survived, list[float]]:
    """Kill processes `cycles` times and compare the accounts; the times of `tries` revocations, in seconds."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    result = Survived()
    with (
        MockProvider(folder) as upstream,
        RedisServer() as redis,
        Cluster(folder, gateways=2, controls=2, redis=redis) as cluster,
    ):
        rig = Rig(cluster.control, upstream)
        rig.prepare()
        models = [priced(rig, upstream_model) for upstream_model in MODELS]
        budget = cluster.control.management.post("/budgets", BUDGET)["id"]
        for limit in _LIMITS:
            cluster.control.management.post("/limits", {"scope": "organization", **limit})
        key = cluster.control.credentials.api_key
        for gateway in cluster.gateways:
            eventually(lambda gateway=gateway: _asked(gateway, key, models[0]), what="an answer")  # type: ignore[misc]
        times = [_seconds_until_refused(cluster, number) for number in range(tries)]
        loads = [
            Load(gateway, models, clients=clients, seed=seed + number, api_key=key)
            for number, gateway in enumerate(cluster.gateways)
        ]
        with ExitStack() as stack:
            for load in loads:
                stack.enter_context(load)
            for number, (name, kill) in enumerate(_plan(cluster, redis, cycles, chance), 1):
                time.sleep(chance.uniform(0, 0.5))
                back = kill(chance.uniform(0, 1))
                result.kills[name] += 1
                result.back[name] = max(result.back.get(name, 0.0), back)
                if number % 20 == 0:
                    print(f"{number} of {cycles} kills", file=sys.stderr)  # noqa: T201
        upstream.wait_until_idle()
        for load in loads:
            result.statuses += load.statuses
            result.refusals += load.refusals
            result.longest_pause = max(result.longest_pause, load.longest_pause)
        compare(rig, result, seconds=_SETTLED_SECONDS)
        result.judge()
        _settle(cluster, models[0], budget, result)
    return result, times


def _plan(
    cluster: Cluster, redis: RedisServer, cycles: int, chance: random.Random
) -> list[tuple[str, Callable[[float], float]]]:
    """Who is killed, and stays dead for how many seconds; how many it then takes to be back."""
    victims: list[tuple[str, Callable[[float], float]]] = [
        *((f"gateway {number}", _killing(one)) for number, one in enumerate(cluster.gateways)),
        *((f"usage {number}", _killing(one)) for number, one in enumerate(cluster.usage)),
        ("worker", _killing(cluster.worker)),
        *((f"control {number}", _killing(one)) for number, one in enumerate(cluster.controls)),
        ("RabbitMQ", _killing(cluster.rabbitmq)),
        ("PostgreSQL", _killing(cluster.postgresql)),
        ("Redis", _killing(redis)),
    ]
    plan = [victims[number % len(victims)] for number in range(cycles)]
    chance.shuffle(plan)
    return plan


class _Mortal(Protocol):
    def kill(self) -> object: ...

    def start(self) -> object: ...


def _killing(victim: _Mortal) -> Callable[[float], float]:
    def kill(seconds: float) -> float:
        victim.kill()
        time.sleep(seconds)
        began = time.monotonic()
        victim.start()
        return time.monotonic() - began

    return kill


def _seconds_until_refused(cluster: Cluster, number: int) -> float:
    """From asking one of the control planes for the revocation to the first refusal of the gateway that is last to know."""
    control = cluster.controls[number % len(cluster.controls)]
    management = Management(replace(cluster.control.credentials, api=f"{control.url}/api/v1"))
    key = management.create_key(f"revocation {number}")
    times: list[float] = []
    asking = threading.Barrier(len(cluster.gateways))

    def watch(gateway: Headworks) -> None:
        def end() -> None:
            if asking.wait() == 0:
                management.delete(f"/keys/{key['id']}")

        times.append(until_refused(gateway, key["key"], end))

    watching = [threading.Thread(target=watch, args=(gateway,)) for gateway in cluster.gateways]
    for thread in watching:
        thread.start()
    for thread in watching:
        thread.join()
    management.close()
    if len(times) < len(cluster.gateways):
        message = "a gateway did not refuse"
        raise Failure(message)
    return max(times)


def _settle(cluster: Cluster, model: str, budget: str, result: Result) -> None:
    """A gateway that lives on lets go of what its former lives held, and of all that it holds when it ends in peace."""
    management, key = cluster.control.management, cluster.control.credentials.api_key
    for gateway in cluster.gateways:
        eventually(lambda gateway=gateway: _asked(gateway, key, model), what="an answer", seconds=60)  # type: ignore[misc]
        gateway.stop()

    def standing() -> dict[str, int]:
        current = management.get(f"/budgets/{budget}")["current"]
        return {name: current[name]["nanodollars"] for name in ("authorized", "spent", "held")}

    with suppress(Failure):
        eventually(lambda: standing()["held"] == 0, what="nothing held", seconds=_SETTLED_SECONDS, pause=0.5)
    result.budget = standing()
    if result.budget["held"]:
        result.discrepancies.append(f"still held: {result.budget['held']}")
    report = management.get("/ledger/verification")
    result.discrepancies += [f"the ledger does not agree: {fault}" for fault in report["faults"]]
    if not result.budget["spent"]:
        result.discrepancies.append("nothing was drawn from the budget")


def _asked(gateway: Headworks, key: str, model: str) -> bool:
    try:
        answer = httpx.post(
            f"{gateway.url}/v1/chat/completions",
            json={"model": model, "messages": [{"role": "user", "content": "hello"}]},
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=30,
        )
    except httpx.TransportError:
        return False
    return answer.is_success


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        result, times = prove(arguments.cycles, arguments.tries, Path(folder), seed=arguments.seed)
    print(result)  # noqa: T201
    if times:
        median, longest = statistics.median(times) * 1000, max(times) * 1000
        print(  # noqa: T201
            f"revocation to refusal by every gateway, {len(times)} tries: median {median:.1f} ms, maximum {longest:.1f} ms"
        )
    return 1 if result.discrepancies or max(times, default=0) > PROMISED_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
