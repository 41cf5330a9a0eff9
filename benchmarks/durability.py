#!/usr/bin/env python3
"""What it costs that a request's intent is durable before its upstream is called: each strength, each interval of syncing.

    benchmarks/durability.py [--seconds 4] [--rounds 3]

The settings take turns, in rounds; the table shows medians. It is a table for choosing defaults, not a gate.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from harness.build import Programs
from harness.scene import HEADWORKS, Scene
from harness.steady import ANSWER, one_connection, saturation

ROOT = Path(__file__).parents[1]
SETTINGS = (("process", 1), ("process", 5), ("process", 10), ("process", 50), ("process", 250), ("machine", 1))
FIGURES = ("requests/s", "p50 there, µs", "p99 there, µs", "CPU µs/request", "one connection p50, µs", "p99, µs")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    programs = Programs.build(ROOT)
    measured: dict[tuple[str, int], list[tuple[float, ...]]] = {setting: [] for setting in SETTINGS}
    for number in range(arguments.rounds):
        for strength, milliseconds in SETTINGS:
            print(f"durability: round {number + 1}, {strength}, {milliseconds} ms", file=sys.stderr)
            measured[strength, milliseconds].append(measure(programs, strength, milliseconds, arguments.seconds))
    print("| durability | sync every | " + " | ".join(FIGURES) + " |")
    print("|---" * (2 + len(FIGURES)) + "|")
    for (strength, milliseconds), rounds in measured.items():
        interval = "group commit" if strength == "machine" else f"{milliseconds} ms"
        medians = (f"{median(column):,.0f}" for column in zip(*rounds, strict=True))
        print(f"| {strength} | {interval} | " + " | ".join(medians) + " |")
    return 0


def measure(programs: Programs, strength: str, milliseconds: int, seconds: float) -> tuple[float, ...]:
    """The figures of a new installation with these settings."""
    settings = {"HEADWORKS_SPOOL_DURABILITY": strength, "HEADWORKS_SPOOL_SYNC_MS": str(milliseconds)}
    with tempfile.TemporaryDirectory(prefix="headworks-durability-") as folder, ExitStack() as stack:
        scene = stack.enter_context(Scene.set_up(programs, Path(folder), [HEADWORKS], settings))
        subject = scene.subject(HEADWORKS)
        if subject is None:
            message = "the scene holds no Headworks"
            raise RuntimeError(message)
        scene.model(subject, ANSWER)
        many: dict[str, Any] = saturation(scene, subject, 1, seconds)
        one: dict[str, Any] = one_connection(scene, subject, seconds, same_core=False)
    return (
        many["requests_per_second"],
        many["latency_us"]["p50"],
        many["latency_us"]["p99"],
        many["cpu_us_per_request"],
        one["latency_us"]["p50"],
        one["latency_us"]["p99"],
    )


if __name__ == "__main__":
    sys.exit(main())
