"""Four hundred clients at once on one hard budget: it is never overrun, and nearly all of it can be used.

`python -m tests.prove.race --clients 400`; `tests/e2e/test_money.py` has the short form. They stream or not, with a limit on
their answers or without, and some leave in the middle. What no request knew beforehand ends where the budget does.

With `--gateways 4 --worth 10` the same over four gateways of a cluster, and a budget that pays for ten answers. Questions are free then:
what one may cost is an estimate, and would be much beside so little.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.child import eventually
from tests.support.cluster import Cluster
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.shop import INPUT, OUTPUT, Shop, price

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = 20
"""Tokens."""
ASKED = 16
"""Tokens of a question, as the mock counts them."""
REQUESTS = 6
"""Of each client."""
FEW = 10
"""Of so few who leave each may have had all of the answer by then."""
HELD_SECONDS = 150
"""More than the term and the grace (90 s) of a hold that nobody asks for again."""
SLOW = f"mock:tokens={ANSWER},rate=20"
"""Leaves time to leave."""


@dataclass
class Result:
    """How the budget stands when nobody has anything left to pay with."""

    statuses: Counter[int] = field(default_factory=Counter)
    left: int = 0
    """Clients that left in the middle of their answer."""
    outcomes: Counter[str] = field(default_factory=Counter)
    amount: int = 0
    spent: int = 0
    by_records: int = 0
    """What the records come to."""
    overshoot: float = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """A short report. Money is in nanodollars."""
        statuses = ", ".join(f"{status} {count}" for status, count in sorted(self.statuses.items()))
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in self.outcomes.most_common())
        lines = [
            f"answers: {statuses}; {self.left} clients left in the middle",
            f"records: {outcomes}",
            f"budget {self.amount}, spent {self.spent} ({self.spent / self.amount:.2%}), overshoot {self.overshoot:.0f}",
            *self.faults,
        ]
        return "\n".join(lines)

    def judge(self) -> None:
        """Fills in what is not as promised."""
        checks = {
            f"other answers than 200 and 402: {dict(self.statuses)}": set(self.statuses) == {200, 402},
            f"the budget is overrun by {self.spent - self.amount}": self.spent <= self.amount and not self.overshoot,
            f"only {self.spent} of {self.amount} could be used": self.amount - self.spent <= self.amount // 100,
            f"the records come to {self.by_records}, and not {self.spent}": self.by_records == self.spent,
            "nobody left in the middle": self.outcomes["cancelled"] > 0 or self.left < FEW,
        }
        self.faults += [fault for fault, is_kept in checks.items() if not is_kept]


def prove(clients: int, folder: Path, *, seed: int, gateways: int = 0, worth: int | None = None) -> Result:
    """The race, and then single requests until nothing can be paid for. `seed` makes what is asked, not the timing, repeatable.

    `gateways` are those of a cluster; 0 is everything in one process. The budget pays for `worth` answers, a third of them all if None.
    """
    of_input = INPUT if worth is None else 0
    worth = clients * REQUESTS // 3 if worth is None else worth
    result = Result(amount=worth * (ASKED * of_input + ANSWER * OUTPUT))
    with MockProvider(folder) as upstream, _started(folder, gateways) as (managed, doors):
        rig = Rig(managed, upstream)
        rig.prepare()
        shop = Shop(rig, price(rig, f"mock:tokens={ANSWER}", of_input), doors, of_input)
        models = [shop.model, price(rig, SLOW, of_input)]
        key_id, key = shop.key("race")
        budget = shop.budget(key_id, result.amount)
        asyncio.run(_Race(shop, key, models, random.Random(seed), result).run(clients))  # noqa: S311 - no secret
        shop.settled(budget)
        # Gateways are asked for what they do not use once a second.
        time.sleep(2)
        # What is left pays for shorter and shorter answers, one at a time: then it is as good as used up.
        for tokens in (ANSWER, 1):
            while shop.ask(key, max_tokens=tokens).is_success:
                pass
        shop.settled(budget)
        # Records of other gateways may be on their way to the ledger.
        eventually(lambda: not shop.standing(budget)["held"], what="nothing held", seconds=HELD_SECONDS, pause=0.5)
        eventually(lambda: shop.standing(budget)["spent"] == shop.cost_of(key_id), what="spent as recorded")
        result.spent, result.by_records = shop.standing(budget)["spent"], shop.cost_of(key_id)
        result.overshoot = sum(door.metric("headworks_budget_overshoot_nanodollars_total") for door in shop.gateways)
        result.outcomes = Counter(record["outcome"] for record in managed.management.usage_events())
        shop.verified()
    result.judge()
    return result


@contextmanager
def _started(folder: Path, gateways: int) -> Iterator[tuple[Headworks, tuple[Headworks, ...]]]:
    """Who is managed, and the gateways where that is somebody else."""
    # So many clients in one process take seconds to send what they have begun.
    patient = "60000"
    if not gateways:
        with Headworks(folder / "home", header_timeout_ms=patient) as headworks:
            yield headworks, ()
        return
    with Cluster(folder / "cluster", gateways=gateways, header_timeout_ms=patient) as cluster:
        yield cluster.control, tuple(cluster.gateways)


class _Race:
    def __init__(self, shop: Shop, key: str, models: list[str], chance: random.Random, result: Result) -> None:
        self._urls = cycle([f"{gateway.url}/v1/chat/completions" for gateway in shop.gateways])
        self._headers = {"authorization": f"Bearer {key}"}
        self._models = models
        self._chance = chance
        self._result = result

    async def run(self, clients: int) -> None:
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits, headers=self._headers) as client:
            await asyncio.gather(*(self._client(client) for _ in range(clients)))

    async def _client(self, client: httpx.AsyncClient) -> None:
        for _ in range(REQUESTS):
            await self._one(client)

    async def _one(self, client: httpx.AsyncClient) -> None:
        streams, leaves = self._chance.random() < 0.5, self._chance.random() < 0.2
        body: dict[str, Any] = {
            "model": self._chance.choice(self._models),
            "messages": [{"role": "user", "content": "hello"}],
            "stream": streams,
        }
        if self._chance.random() < 0.5:
            body["max_tokens"] = ANSWER
        async with client.stream("POST", next(self._urls), json=body) as answer:
            self._result.statuses[answer.status_code] += 1
            if not (streams and leaves and answer.is_success):
                await answer.aread()
                return
            async for _ in answer.aiter_bytes():
                self._result.left += 1
                return


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=400)
    parser.add_argument("--gateways", type=int, default=0, help="of a cluster; 0 is everything in one process")
    parser.add_argument("--worth", type=int, default=None, help="how many answers the budget pays for")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        result = prove(
            arguments.clients,
            Path(folder),
            seed=arguments.seed,
            gateways=arguments.gateways,
            worth=arguments.worth,
        )
    print(result)  # noqa: T201
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
