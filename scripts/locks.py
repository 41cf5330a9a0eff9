#!/usr/bin/env python3
"""Fails when a lock file names the registry that it was made with, or a package without a hash.

A lock that holds an address works only where that address does; `make lock` writes them, `make check` calls this.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_problems(path: Path) -> list[str]:
    """Problems of a hashed requirements file."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    problems = [
        f"{path}: names an address or an option: {line.split()[0]}" for line in lines if re.match(r"-|.*://", line)
    ]
    problems += [f"{path}: no hash: {line.split()[0]}" for line in lines if "--hash=sha256:" not in line]
    return problems


def npm_problems(path: Path) -> list[str]:
    """Problems of a package-lock.json."""
    packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
    named = {name: package for name, package in packages.items() if name}
    problems = [f"{path}: names an address: {name}" for name, package in named.items() if "resolved" in package]
    problems += [f"{path}: no hash: {name}" for name, package in named.items() if "integrity" not in package]
    return problems


def cargo_problems(path: Path) -> list[str]:
    """Problems of a Cargo.lock: a source other than the public index, or a package of it without a checksum."""
    problems = []
    for block in path.read_text(encoding="utf-8").split("[[package]]")[1:]:
        name = re.search(r'name = "(.+)"', block)
        source = re.search(r'source = "(.+)"', block)
        if source is None:
            continue
        label = name[1] if name else "?"
        if source[1] != "registry+https://github.com/rust-lang/crates.io-index":
            problems.append(f"{path}: unusual source: {label}: {source[1]}")
        if "checksum = " not in block:
            problems.append(f"{path}: no hash: {label}")
    return problems


def main() -> int:
    """Print what is wrong; 1 when anything is."""
    problems = [problem for path in sorted(ROOT.glob("requirements/*.txt")) for problem in python_problems(path)]
    problems += npm_problems(ROOT / "tests/e2e/node/package-lock.json")
    problems += [
        problem for path in (ROOT / "Cargo.lock", ROOT / "engine/fuzz/Cargo.lock") for problem in cargo_problems(path)
    ]
    print("\n".join(problems) or "lock files: good")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
