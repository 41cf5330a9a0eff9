"""A process and its descendants, as /proc tells: CPU time, memory, cores."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.machine import TICK

PROC = Path("/proc")
NANO = 1e9


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of a tree since its start."""

    total: float
    by_thread: dict[str, float]
    """By the thread's name, numbers in it folded; threads that have ended are only in the total."""

    def since(self, earlier: Cpu) -> Cpu:
        """What was used in between."""
        names = self.by_thread.keys() | earlier.by_thread.keys()
        spent = {name: self.by_thread.get(name, 0.0) - earlier.by_thread.get(name, 0.0) for name in names}
        return Cpu(self.total - earlier.total, {name: seconds for name, seconds in spent.items() if seconds > 0})


@dataclass(frozen=True, slots=True)
class Tree:
    """A process and its descendants."""

    root: int

    def members(self) -> list[int]:
        """Those alive at this moment, the root first."""
        children: dict[int, list[int]] = defaultdict(list)
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                with suppress(OSError, ValueError):
                    children[int(_fields(entry / "stat")[1])].append(int(entry.name))
        found = [self.root]
        for pid in found:
            found.extend(children[pid])
        return found

    def cpu(self) -> Cpu:
        """User and system time, of the children that have ended too."""
        total = 0.0
        by_thread: dict[str, float] = defaultdict(float)
        for pid in self.members():
            with suppress(OSError):
                # utime, stime, cutime, cstime: proc(5), counted after the name.
                total += sum(int(field) for field in _fields(PROC / str(pid) / "stat")[11:15]) / TICK
                for thread in (PROC / str(pid) / "task").iterdir():
                    name, seconds = _thread(thread)
                    by_thread[name] += seconds
        # The process' own count has a grain of a hundredth of a second, the threads' of a nanosecond.
        return Cpu(max(total, sum(by_thread.values())), dict(by_thread))

    def resident_bytes(self) -> int:
        """Resident memory; pages shared by members count once for each."""
        total = 0
        for pid in self.members():
            with suppress(OSError):
                total += int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
        return total * os.sysconf("SC_PAGE_SIZE")

    def pin(self, *cores: int) -> None:
        """Keep every thread of it on these cores from now on."""
        for pid in self.members():
            with suppress(OSError):
                for thread in (PROC / str(pid) / "task").iterdir():
                    with suppress(OSError):
                        os.sched_setaffinity(int(thread.name), cores)


def _fields(path: Path) -> list[str]:
    """The fields of a stat file after the name, which may hold anything."""
    return path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _thread(path: Path) -> tuple[str, float]:
    """A thread's name and its CPU seconds."""
    try:
        name = re.sub(r"\d+", "#", (path / "comm").read_text(encoding="utf-8", errors="replace").strip())
        return name, int((path / "schedstat").read_text(encoding="ascii").split()[0]) / NANO
    except OSError:
        return "ended", 0.0
