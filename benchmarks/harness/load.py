"""Runs the load generator, and watches what it costs whom."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.machine import Busy
from harness.processes import Cpu, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.scene import Scene, Subject

FOREIGN_SHARE = 0.08
"""Of a core: a window in which others used more, or the hypervisor took more, is measured again."""
MOST_TRIES = 3
SAMPLE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Window:
    """One run of the load generator through one subject."""

    report: dict[str, Any]
    cpu: Cpu
    """Of the subject's process tree, the work that it did after the load included."""
    wall: float
    """Seconds of the load alone."""
    busy: float
    """The share of its core that the subject used during the load."""
    resident_before: int
    resident_peak: int
    foreign: float
    """Cores that processes other than ours used meanwhile, or that the hypervisor took."""

    @property
    def is_clean(self) -> bool:
        """Whether nobody else was busy."""
        return self.foreign <= FOREIGN_SHARE

    def cpu_micros(self, count: int) -> float:
        """CPU microseconds for each of `count` things that were done."""
        return self.cpu.total * 1e6 / count if count else 0.0


def measure(scene: Scene, subject: Subject, mode: str, *options: object, core: int | None = None) -> Window:
    """Run once; again, a few times, while others disturb. The least disturbed one counts."""
    windows = [once(scene, subject, mode, *options, core=core)]
    while not windows[-1].is_clean and len(windows) < MOST_TRIES and scene.retries > 0:
        scene.retries -= 1
        windows.append(once(scene, subject, mode, *options, core=core))
    return min(windows, key=lambda window: window.foreign)


def once(scene: Scene, subject: Subject, mode: str, *options: object, core: int | None = None) -> Window:
    """One run."""
    tree = subject.tree
    command = [scene.programs.loadgen, mode, "--url", f"{subject.url}/v1/chat/completions", *options]
    if subject.bearer and "--bearers" not in options:
        command += ["--bearer", subject.bearer]
    pinned = ["taskset", "-c", str(scene.load_core if core is None else core), *map(str, command)]
    resident = tree.resident_bytes() if tree else 0
    before, cpu_before, ours_before = Busy.now(), tree.cpu() if tree else None, ours(scene, tree)
    began = time.perf_counter()
    # A report may be larger than a pipe holds.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(pinned, stdout=output)
        peak = watch(process.pid, tree.resident_bytes if tree else lambda: 0)
        _, status, generator = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        output.seek(0)
        said = output.read()
    if process.returncode != 0:
        message = f"loadgen ended with {process.returncode}: {' '.join(pinned)}"
        raise RuntimeError(message)
    used = Busy.now().since(before)
    during = tree.cpu().since(cpu_before) if tree and cpu_before else Cpu(0.0, {})
    foreign = used.used - (ours(scene, tree) - ours_before) - generator.ru_utime - generator.ru_stime + used.stolen
    if subject.headworks:
        subject.headworks.wait_until_quiet()
    spent = tree.cpu().since(cpu_before) if tree and cpu_before else during
    report = json.loads(said)
    return Window(report, spent, wall, during.total / wall, resident, max(peak, resident), max(foreign, 0.0) / wall)


def ours(scene: Scene, tree: Tree | None) -> float:
    """CPU seconds of this process, the mock and the subject."""
    return time.process_time() + scene.mock.tree.cpu().total + (tree.cpu().total if tree else 0.0)


def watch(pid: int, resident: Callable[[], int]) -> int:
    """The most memory that was in use until process `pid` ended."""
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, resident())
        time.sleep(SAMPLE_SECONDS)
    return peak
