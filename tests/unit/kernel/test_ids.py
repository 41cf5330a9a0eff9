from __future__ import annotations

import re

import pytest

from headworks.kernel import ids
from headworks.kernel.ids import new_id


def test_an_id_says_what_it_names() -> None:
    assert re.fullmatch(r"key_[0-9a-hjkmnp-tv-z]{26}", new_id("key"))


def test_ids_differ() -> None:
    assert len({new_id("x") for _ in range(10_000)}) == 10_000


def test_ids_sort_by_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for moment in (0, 1, 31, 32, 1_800_000_000_000, 2**48 - 1):
        monkeypatch.setattr(ids, "unix_ms", lambda moment=moment: moment)
        made.append(new_id("x"))
    assert made == sorted(made)
    assert {len(one) for one in made} == {28}
