"""The short form of `tests.prove.soak`: half a minute of clients that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove import soak

if TYPE_CHECKING:
    from pathlib import Path


def test_clients_that_leave_leave_nothing_behind(tmp_path: Path) -> None:
    result = soak.prove(60, 15, tmp_path, wait_for_connections=False)
    assert result.completed
    assert result.left
    assert not result.failed, str(result)
    assert result.open_requests == 0
    assert not result.discrepancies, str(result)
    assert result.growth < 32 * soak.MEBIBYTE, str(result)
