#!/usr/bin/env python3
"""Measures Headworks beside HAProxy and nginx, prints the table, writes `results/`. METHOD.md says how and why.

benchmarks/run.py            all of it, about twenty minutes
benchmarks/run.py --quick    a short form, about six minutes: for a look, not for publishing
benchmarks/run.py --render   writes the newest result's table into README.md, and measures nothing
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from harness import machine, plan, readme, results, verdict  # noqa: E402 - some of it starts the tests' own servers
from harness.build import Programs  # noqa: E402
from harness.scene import Scene  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    """Measure or render; 1 where a gate was missed and `--gate` asks to say so, 2 where nothing could be measured."""
    arguments = parse()
    if arguments.render:
        return render()
    problem = machine.unfit()
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    programs = Programs.build(ROOT)
    amount = plan.QUICK if arguments.quick else plan.FULL
    if arguments.rounds:
        # As many windows as each disturbed round may take once more.
        amount = replace(amount, rounds=arguments.rounds, retries=4 * arguments.rounds)
    with (
        tempfile.TemporaryDirectory(prefix="headworks-bench-") as folder,
        Scene.set_up(programs, Path(folder), wanted=arguments.only) as scene,
    ):
        figures = plan.measure(scene, amount, steps=arguments.steps)
    result = results.assemble(figures, machine.describe(), quick=arguments.quick, label=arguments.label)
    lines = verdict.judge(result)
    print(verdict.table(lines))
    if not arguments.quick or arguments.keep:
        print(f"written: {results.write(RESULTS, result, lines)}")
    return 1 if arguments.gate and any(line.missed for line in lines) else 0


def render() -> int:
    """Write the newest result's table into README.md."""
    try:
        readme.render(ROOT / "README.md", results.newest(RESULTS))
    except (FileNotFoundError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="about six minutes, four of them for `management`; the result is not kept"
    )
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="fewer or more rounds than the form has")
    parser.add_argument("--keep", action="store_true", help="write the result of --quick, too")
    parser.add_argument("--render", action="store_true", help="write the newest result's table into README.md")
    parser.add_argument("--gate", action="store_true", help="exit with 1 where a gate is missed")
    parser.add_argument("--only", nargs="+", metavar="SUBJECT", help="of direct, haproxy, nginx, headworks")
    parser.add_argument("--steps", nargs="+", metavar="STEP", choices=plan.STEPS, help=f"of {', '.join(plan.STEPS)}")
    parser.add_argument("--label", default=None, help="what the result's file is called after its date")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
