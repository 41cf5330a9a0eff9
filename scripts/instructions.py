#!/usr/bin/env python3
"""Counts the instructions of the engine's hot steps under valgrind, and compares them with the committed counts.

Counts are repeatable where times are not, so one percent more is a regression, also on a busy machine. They hold for
one compiler, C library and kind of processor: with others there is nothing to compare, and the new counts are printed.
`--update` commits to what was counted. Neighbours: `engine/benches/instructions.rs`, `.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "engine/benches/instructions.json"
TOLERANCE = 0.01
WORKERS = 2


def output(*command: str) -> str:
    """Standard output of a command that has to succeed."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def build() -> str:
    """Builds the benchmark; returns the path of its executable."""
    lines = output(
        "cargo", "bench", "--package", "headworks-engine", "--bench", "instructions", "--no-run", "--quiet", "--locked",
        "--message-format=json-render-diagnostics",
    ).splitlines()  # fmt: skip
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return next(
        str(message["executable"])
        for message in messages
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "instructions"
    )


def tools() -> dict[str, str]:
    """What the counts depend on beside our own code."""
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text(encoding="utf-8").split()) if cpu.exists() else set()
    return {
        "rustc": output("rustc", "--version").strip(),
        "valgrind": output("valgrind", "--version").strip(),
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine() + (" avx2" if "avx2" in flags else ""),
    }


def count(executable: str, case: str) -> int:
    """Instructions that one warm run of the case takes."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "callgrind.out"
        command = [
            "valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=instructions::measured*",
            f"--callgrind-out-file={profile}", executable, case,
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        total = re.search(r"^(?:totals|summary): (\d+)", profile.read_text(encoding="utf-8"), re.MULTILINE)
    if total is None or int(total[1]) == 0:
        raise SystemExit(f"instructions.py: {case}: valgrind counted nothing; was the function renamed or inlined?")
    return int(total[1])


def compare(counts: dict[str, int], before: dict[str, int]) -> list[str]:
    """Prints the table; returns the cases that take more than they may, or that the baseline does not know."""
    worse = []
    print(f"{'case':<24}{'before':>10}{'now':>10}{'change':>9}")
    for case, now in counts.items():
        was = before.get(case)
        change = f"{now / was - 1:+.2%}" if was else "new"
        print(f"{case:<24}{was or '-':>10}{now:>10}{change:>9}")
        if was is None or now > was * (1 + TOLERANCE):
            worse.append(case)
    return worse


def main() -> int:
    """Count, compare, say what to do; 1 on a regression."""
    parser = argparse.ArgumentParser(description="Count instructions of the engine's hot steps under valgrind.")
    parser.add_argument("--update", action="store_true", help="make what is counted the new baseline")
    update = parser.parse_args().update

    executable = build()
    cases = output(executable).split()
    with ThreadPoolExecutor(WORKERS) as pool:
        counts = dict(zip(cases, pool.map(lambda case: count(executable, case), cases), strict=True))
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {"tools": {}, "counts": {}}
    used = tools()
    is_comparable = baseline["tools"] == used
    worse = compare(counts, baseline["counts"] if is_comparable else {})

    if update:
        BASELINE.write_text(json.dumps({"tools": used, "counts": counts}, indent=2) + "\n", encoding="utf-8")
        print(f"wrote {BASELINE.relative_to(ROOT)}")
        return 0
    if not is_comparable:
        print(f"nothing to compare with: the baseline is of {baseline['tools']}, these counts are of {used}.")
        print("To go on from here, run scripts/instructions.py --update and commit engine/benches/instructions.json.")
        return 0
    if worse:
        print(f"more than {TOLERANCE:.0%} above the baseline, or without one: {', '.join(worse)}")
        print("Mend it, or say in the commit why it is worth it and run scripts/instructions.py --update.")
        return 1
    print("instruction counts: good")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.exit(f"instructions.py: {error}")
