#!/usr/bin/env python3
"""What storing a usage record costs the processor, by how many kinds of records there are: SQLite, in process, no engine.

    benchmarks/ingest.py [--records 60000] [--rounds 3] [--batch 5000]

The kinds take turns, in rounds; the table shows the lowest, which what else the machine does disturbs least. It is no gate.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from harness.usage.filling import KINDS, events
from harness.usage.measuring import NoPrices, opened
from headworks.bootstrap.shipper import BATCH
from headworks.kernel.clock import now
from headworks.usage.tasks import ingest

SPREADS = (1, 200, KINDS)
"""Of how many kinds the records are; from 20 on, of 20 organisations."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=BATCH)
    arguments = parser.parse_args()
    measured: dict[int, list[float]] = {spread: [] for spread in SPREADS}
    for number in range(arguments.rounds):
        for spread in SPREADS:
            print(f"ingest: round {number + 1}, {spread} kinds", file=sys.stderr)
            measured[spread].append(asyncio.run(measure(spread, arguments.records, arguments.batch)))
    print("| kinds | µs of CPU for a record |\n| ---: | ---: |")
    for spread, found in measured.items():
        print(f"| {spread:,} | {min(found):.1f} |")
    return 0


async def measure(spread: int, records: int, batch: int) -> float:
    """Microseconds for each record, once its kinds are known."""
    at_us = int(now().timestamp() - 60) * 10**6
    seconds = 0.0
    with tempfile.TemporaryDirectory(prefix="headworks-bench-") as folder:
        database, store = opened(Path(folder))
        try:
            for first in range(-spread, records, batch):
                size = spread if first < 0 else batch
                # Of each round through all kinds the first few.
                numbers = [n // spread * KINDS + n % spread for n in range(first + spread, first + spread + size)]
                some = events(numbers, at_us)
                began = time.process_time()
                await ingest(store, NoPrices(), some)
                seconds += time.process_time() - began if first >= 0 else 0.0
        finally:
            await database.close()
    return 1e6 * seconds / records


if __name__ == "__main__":
    sys.exit(main())
