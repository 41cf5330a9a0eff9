"""A limit over four gateways under three times its load, for some windows: no true window holds more, and nearly all of it is used.

`python -m tests.prove.limits --windows 3`; `tests/e2e/test_shared_limits.py` has the short form. It takes a minute a window, and one more.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

from headworks.kernel.clock import monotonic
from tests.support.cluster import Cluster
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.redis import RedisServer
from tests.support.rig import Rig

GATEWAYS = 4
AMOUNT = 600
WINDOW_S = 60.0
LOAD = 3
"""Times what is allowed."""
CLIENTS = 8
"""Of each gateway."""
USABLE = 0.98


@dataclass
class Result:
    """What was let in, when."""

    at: list[float] = field(default_factory=list)
    """Seconds on this machine's clock: of each answer, so at most an answer's time after it was let in."""
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    waits: float = 0.0
    alone: float = 0.0

    @property
    def most(self) -> int:
        """In any window, all gateways together."""
        at, first, most = sorted(self.at), 0, 0
        for last, moment in enumerate(at):
            while at[first] <= moment - WINDOW_S:
                first += 1
            most = max(most, last - first + 1)
        return most

    @property
    def used(self) -> float:
        """The part of what whole windows allow that was let in."""
        return len(self.at) / (AMOUNT * self.seconds / WINDOW_S)

    def faults(self) -> list[str]:
        """What is not as promised."""
        checks = {
            f"{self.most} in a window of {AMOUNT}": self.most <= AMOUNT + GATEWAYS,
            f"only {self.used:.1%} used": self.used >= USABLE,
            f"other answers than 200 and 429: {dict(self.statuses)}": set(self.statuses) == {200, 429},
            "a gateway counted alone": not self.alone,
        }
        return [fault for fault, is_kept in checks.items() if not is_kept]

    def __str__(self) -> str:
        """A short report."""
        return (
            f"{len(self.at)} let in within {self.seconds:.0f} s ({self.used:.2%}), at most {self.most} in a window of {AMOUNT}; "
            f"{self.statuses[429]} refused, {self.waits:.0f} waited for a share"
        )


def prove(windows: int, folder: Path, *, redis: RedisServer | None = None) -> Result:
    """The load, with shares in the control plane's memory or in Redis."""
    with MockProvider(folder) as upstream, Cluster(folder / "cluster", gateways=GATEWAYS, redis=redis) as cluster:
        rig = Rig(cluster.control, upstream)
        rig.prepare()
        management = rig.headworks.management
        made = management.create_key("limited")
        limit = {"scope": "key", "scope_id": made["id"], "unit": "requests", "window": "minute", "amount": AMOUNT}
        management.post("/limits", limit)
        result = Result()
        load = _Load(str(made["key"]), rig.model("mock:tokens=1"), windows * WINDOW_S, result)
        asyncio.run(load.run(cluster.gateways))
        for gateway in cluster.gateways:
            result.waits += gateway.metric("headworks_share_waits_total")
            result.alone += gateway.metric("headworks_limits_counted_alone")
    return result


class _Load:
    def __init__(self, key: str, model: str, seconds: float, result: Result) -> None:
        self._headers = {"authorization": f"Bearer {key}"}
        self._body = {"model": model, "messages": [{"role": "user", "content": "one"}]}
        self._seconds = seconds
        self._result = result
        self._number = count()

    async def run(self, gateways: list[Headworks]) -> None:
        began = monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers=self._headers) as client:
            clients = (self._client(client, gateway, began) for gateway in gateways for _ in range(CLIENTS))
            await asyncio.gather(*clients)
        self._result.seconds = self._seconds

    async def _client(self, client: httpx.AsyncClient, gateway: Headworks, began: float) -> None:
        """At its turns, whatever the answers are."""
        while True:
            due = began + next(self._number) * WINDOW_S / (AMOUNT * LOAD)
            if due >= began + self._seconds:
                return
            await asyncio.sleep(max(0.0, due - monotonic()))
            answer = await client.post(f"{gateway.url}/v1/chat/completions", json=self._body)
            self._result.statuses[answer.status_code] += 1
            if answer.is_success:
                self._result.at.append(monotonic())


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--redis", action="store_true", help="shares are kept in Redis")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        redis = RedisServer().start() if arguments.redis else None
        try:
            result = prove(arguments.windows, Path(folder), redis=redis)
        finally:
            if redis is not None:
                redis.close()
    print(result)  # noqa: T201
    for fault in result.faults():
        print(fault)  # noqa: T201
    return 1 if result.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
