"""CPU time and memory are read of whole trees of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from harness import machine
from harness.machine import Busy
from harness.processes import Cpu, Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CHILD_THAT_HAS_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"


def test_a_tree_counts_its_children() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD_THAT_HAS_A_CHILD], stdin=subprocess.PIPE) as process:  # noqa: S603 - ours
        tree = Tree(process.pid)
        while len(tree.members()) < 2:
            time.sleep(0.01)
        alone = Tree(tree.members()[1])
        assert tree.resident_bytes() > alone.resident_bytes() > 0
        assert tree.cpu().total > 0
        process.communicate(b"\n")


def test_work_shows_in_the_total_and_by_thread() -> None:
    tree = Tree(os.getpid())
    before = tree.cpu()
    deadline = time.process_time() + 0.05
    while time.process_time() < deadline:
        pass
    spent = tree.cpu().since(before)
    assert spent.total >= 0.03
    assert sum(spent.by_thread.values()) > 0


def test_differences_leave_out_idle_threads() -> None:
    assert Cpu(3.0, {"a": 1.0, "b": 2.0}).since(Cpu(1.0, {"a": 1.0})) == Cpu(2.0, {"b": 2.0})


def test_the_machine_is_busy_at_least_with_us() -> None:
    before = Busy.now()
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    assert Busy.now().since(before).used >= 0.05


def test_a_description_names_no_host() -> None:
    assert os.uname().nodename not in str(machine.describe())
