"""The machine that figures belong to, and what else is busy on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CORES = 2
"""One for the proxy, one for the load generator and the upstream."""


def unfit() -> str | None:
    """Why nothing can be measured here; None where it can."""
    if platform.system() != "Linux":
        return "CPU time is read from /proc and cores are pinned: this runs on Linux only"
    if shutil.which("taskset") is None:
        return "taskset is missing; install util-linux"
    if len(os.sched_getaffinity(0)) < CORES:
        return "two cores are needed: one for the proxy, one for the load generator and the upstream"
    return None


def cores() -> tuple[int, int]:
    """The proxy's core, and the one of the load generator and the upstream."""
    first, second, *_ = sorted(os.sched_getaffinity(0))
    return first, second


def describe() -> dict[str, object]:
    """What a reader needs to know to compare: nothing that names this very machine."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "hypervisor": "yes" if "hypervisor" in Path("/proc/cpuinfo").read_text(encoding="utf-8") else "no",
        "python": platform.python_version(),
        "rust": output_of("rustc", "--version"),
        "haproxy": output_of("haproxy", "-v"),
        "nginx": output_of("nginx", "-v"),
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
    }


def cpu_model() -> str:
    """As the kernel names it; the architecture where it names none."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def output_of(*command: str) -> str:
    """The first line that a program says; empty where it is missing."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return (said.stdout or said.stderr).partition("\n")[0].strip()


@dataclass(frozen=True, slots=True)
class Busy:
    """CPU seconds of all cores since the machine started."""

    used: float
    stolen: float
    """What the hypervisor gave to others while we wanted it."""

    @classmethod
    def now(cls) -> Busy:
        """Read /proc/stat."""
        line = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
        user, nice, system, _idle, _iowait, interrupt, soft, stolen, *_ = (
            int(word) / TICK for word in line.split()[1:]
        )
        return cls(user + nice + system + interrupt + soft, stolen)

    def since(self, earlier: Busy) -> Busy:
        """What was used in between."""
        return Busy(self.used - earlier.used, self.stolen - earlier.stolen)
