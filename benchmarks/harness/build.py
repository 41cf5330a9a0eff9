"""The programs of the benchmark: our own are built, others must be installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OTHERS = ("haproxy", "nginx")


@dataclass(frozen=True, slots=True)
class Programs:
    """Where each is."""

    loadgen: Path
    mock_provider: Path
    haproxy: str | None
    nginx: str | None

    @classmethod
    def build(cls, root: Path) -> Programs:
        """Build the load generator and the mock, install HAProxy and nginx where that is possible."""
        ours = _cargo_build(root)
        _install_missing()
        return cls(ours["loadgen"], ours["mock-provider"], shutil.which("haproxy"), shutil.which("nginx"))


def _cargo_build(root: Path) -> dict[str, Path]:
    command = [
        "cargo",
        "build",
        "--release",
        "--locked",
        "-p",
        "loadgen",
        "-p",
        "mock-provider",
        "--message-format=json",
    ]
    built = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Path] = {}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            found[message["target"]["name"]] = Path(message["executable"])
    return found


def _install_missing() -> None:
    """On Debian and as root; otherwise say what is missing and go on without it."""
    missing = [name for name in OTHERS if shutil.which(name) is None]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        if _quietly(*install) != 0:
            _quietly("apt-get", "update")
            _quietly(*install)
    for name in missing:
        if shutil.which(name) is None:
            print(
                f"bench: {name} is not installed; going on without it (Debian: apt-get install {name})", file=sys.stderr
            )


def _quietly(*command: str) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
