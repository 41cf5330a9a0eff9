"""Many clients for a long time, half of them leaving mid-stream: memory stays flat, and nothing stays open upstream.

`python -m tests.prove.soak --clients 200 --seconds 600`; `tests/e2e/test_soak.py` is the short form.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.accounts import discrepancies
from tests.support.child import Failure, eventually
from tests.support.headworks import Headworks
from tests.support.mock import MockProvider
from tests.support.rig import Rig

MEBIBYTE = 1024 * 1024
ALLOWED_GROWTH = 8 * MEBIBYTE
"""Between the second and the last tenth of the time; anything that leaks by the request grows by far more."""
POOL_IDLE_SECONDS = 120
"""Unused upstream connections are kept for less than this."""


@dataclass
class Result:
    """What the soak showed."""

    completed: int = 0
    left: int = 0
    failed: int = 0
    """Streams that ended without `[DONE]`, although nobody left."""
    memory: list[int] = field(default_factory=list)
    """Resident bytes, sampled evenly."""
    open_requests: int = -1
    open_connections: int = -1
    discrepancies: list[str] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """Bytes by which the last tenth of the samples lies above the second tenth."""
        tenth = max(1, len(self.memory) // 10)
        return int(statistics.median(self.memory[-tenth:]) - statistics.median(self.memory[tenth : 2 * tenth]))

    def __str__(self) -> str:
        """A short report."""
        first, last, peak = (size / MEBIBYTE for size in (self.memory[0], self.memory[-1], max(self.memory)))
        return (
            f"streams: {self.completed} read to the end, {self.left} left in the middle, {self.failed} failed\n"
            f"resident: {first:.0f} MiB at the start, {last:.0f} at the end, {peak:.0f} at most; growth {self.growth / MEBIBYTE:+.1f}\n"
            f"open upstream afterwards: {self.open_requests} requests, {self.open_connections} connections\n"
            f"lost, double or wrong records: {len(self.discrepancies)}"
            + "".join(f"\n{line}" for line in self.discrepancies[:20])
        )


async def client(rig: Rig, model: str, result: Result, chance: random.Random, over: asyncio.Event) -> None:
    """Streams one after the other, each on a connection of its own; every second one is left in the middle."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "flow"}], "stream": True})
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"authorization: Bearer {rig.headworks.credentials.api_key}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    await asyncio.sleep(chance.uniform(0, 2))
    while not over.is_set():
        leaves_after = chance.randrange(200, 6000) if chance.random() < 1 / 2 else None
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.headworks.port)
        writer.write(request)
        seen, tail = 0, b""
        while leaves_after is None or seen < leaves_after:
            data = await reader.read(65536)
            if not data:
                break
            seen += len(data)
            tail = (tail + data)[-64:]
        writer.transport.abort() if leaves_after is not None else writer.close()
        if leaves_after is not None:
            result.left += 1
        elif b"data: [DONE]" in tail:
            result.completed += 1
        else:
            result.failed += 1


async def soak(rig: Rig, clients: int, seconds: float, result: Result) -> None:
    """Put it under load, and sample its memory a few hundred times."""
    model = rig.model("mock:tokens=40,rate=20")
    over = asyncio.Event()
    chances = (random.Random(number) for number in range(clients))  # noqa: S311 - no secret
    tasks = [asyncio.create_task(client(rig, model, result, chance, over)) for chance in chances]
    for _ in range(200):
        await asyncio.sleep(seconds / 200)
        result.memory.append(rig.headworks.child.resident_bytes())
    over.set()
    await asyncio.gather(*tasks)


def settle(rig: Rig, result: Result, *, wait_for_connections: bool) -> None:
    """Wait for quiet, then look at what is left open and compare the accounts."""
    rig.upstream.wait_until_idle()
    if wait_for_connections:
        with suppress(Failure):
            eventually(
                lambda: rig.upstream.stats()["open_connections"] <= 1, what="idle", seconds=POOL_IDLE_SECONDS, pause=1
            )
    stats = rig.upstream.stats()
    # The question itself is one connection.
    result.open_requests, result.open_connections = stats["open_requests"], stats["open_connections"] - 1

    def agreed() -> bool:
        result.discrepancies = discrepancies(rig.upstream.requests(), rig.headworks.management.usage_events())
        return not result.discrepancies

    with suppress(Failure):
        eventually(agreed, what="accounts that agree", seconds=15, pause=0.5)


def prove(clients: int, seconds: float, folder: Path, *, wait_for_connections: bool = True) -> Result:
    """Soak for `seconds` with so many clients."""
    result = Result()
    with MockProvider(folder) as upstream, Headworks(folder / "home") as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        asyncio.run(soak(rig, clients, seconds, result))
        settle(rig, result, wait_for_connections=wait_for_connections)
    return result


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = prove(arguments.clients, arguments.seconds, Path(folder))
    print(result)  # noqa: T201
    held = (
        result.growth <= ALLOWED_GROWTH
        and not result.failed
        and not result.open_requests
        and not result.open_connections
    )
    return 0 if held and not result.discrepancies else 1


if __name__ == "__main__":
    sys.exit(main())
