"""`python -m tests.support.bus_consumer KIND WHERE MARK FILE POINT`: a consumer that notes what it commits, and is killed at a point.

`before` and `after` say where it stands for ever once it has its first batch: before its commit, or after it and before its return.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from headworks.kernel.bus import Batching, Bus, Group, Message, Topology
from headworks.kernel.bus.adapters.rabbitmq.address import Address
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus
from headworks.kernel.bus.adapters.sqlite import SqliteBus
from headworks.kernel.secrets import Secret


def topology(mark: str) -> Topology:
    """One group."""
    return Topology(groups=(Group(f"{mark}-ledger", ("usage.#",)),))


async def main(kind: str, where: str, mark: str, file: str, point: str) -> None:
    """Until killed."""
    bus: Bus
    if kind == "sqlite":
        bus = await SqliteBus.open(Path(where), topology(mark))
    else:
        bus = RabbitBus(Address.parse(Secret(where)), topology(mark))

    async def handler(batch: Sequence[Message]) -> None:
        if point == "before":
            print("standing", flush=True)  # noqa: T201 - how the test knows
            await asyncio.Event().wait()
        with Path(file).open("a") as committed:
            committed.writelines(f"{one.id}\n" for one in batch)
            committed.flush()
            os.fsync(committed.fileno())
        if point == "after":
            print("standing", flush=True)  # noqa: T201 - as above
            await asyncio.Event().wait()

    await bus.consume(f"{mark}-ledger", handler, Batching(messages=10))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
