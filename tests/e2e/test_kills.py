"""The short form of `tests.prove.kills`: each fail point once, each job once, and a few random times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove import jobs, kills

if TYPE_CHECKING:
    from pathlib import Path


def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    result = kills.prove(14, tmp_path, seed=1)
    assert not result.discrepancies, str(result)
    assert {*kills.FAIL_POINTS, jobs.FAIL_POINT} <= set(result.kills)
    assert result.kills[jobs.FAIL_POINT] == len(jobs.NAMES)
    assert result.outcomes["success"] > 0
    assert result.outcomes["interrupted"] > 0
