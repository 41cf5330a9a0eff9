"""Schemathesis against a running server: `python -m tests.support.described --examples 200` for the long form."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.headworks import Headworks

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "e2e" / "description"
DESCRIPTION = ROOT / "docs" / "reference" / "openapi.json"


def run(headworks: Headworks, *, examples: int, seed: int, seconds: float) -> tuple[int, str]:
    """The exit status, and what it printed: `examples` requests of each kind for each operation, the same for the same seed."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(FOLDER / "schemathesis.toml"),
        "run",
        str(DESCRIPTION),
        "--url",
        headworks.url,
        "--header",
        f"Authorization: Bearer {headworks.credentials.management_key}",
        "--checks",
        "all",
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--max-examples",
        str(examples),
        "--seed",
        str(seed),
        "--workers",
        "2",
    ]
    # Its colours and caches are for people.
    environment = os.environ | {"NO_COLOR": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}  # noqa: TID251 - for a child
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - our own tool
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Headworks(Path(folder) / "home") as headworks:
        status, printed = run(headworks, examples=wish.examples, seed=wish.seed, seconds=3 * 3600)
        print(printed)  # noqa: T201 - it is a command
    return status


if __name__ == "__main__":
    sys.exit(main())
