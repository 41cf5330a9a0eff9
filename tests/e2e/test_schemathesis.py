"""Thousands of requests, right and wrong, made from the API's description: each is answered as the description says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.described import run
from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from pathlib import Path


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with Headworks(tmp_path / "home") as headworks:
        status, printed = run(headworks, examples=3, seed=1, seconds=900)
        assert headworks.child.alive, headworks.child.output()[-4000:]
    assert status == 0, printed[-20_000:]
