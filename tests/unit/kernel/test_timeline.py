"""What holds when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.timeline import BEGINNING_US, FOREVER_US, Stretch, Timeline

MOMENTS = st.integers(BEGINNING_US, FOREVER_US)


@pytest.mark.parametrize(
    ("at_us", "found"),
    [
        (BEGINNING_US, Stretch("none", BEGINNING_US, 10)),
        (9, Stretch("none", BEGINNING_US, 10)),
        (10, Stretch("first", 10, 20)),
        (20, Stretch("second", 20, FOREVER_US)),
        (FOREVER_US, Stretch("second", 20, FOREVER_US)),
    ],
)
def test_a_stretch_is_from_one_change_to_the_next(at_us: int, found: Stretch[str]) -> None:
    assert Timeline([(10, "first"), (20, "second")], "none").stretch(at_us) == found


@given(st.lists(MOMENTS, unique=True).map(sorted), MOMENTS)
def test_it_is_what_changed_last(changes: list[int], at_us: int) -> None:
    line = Timeline(((moment, moment) for moment in changes), None)
    assert line.at(at_us) == max((moment for moment in changes if moment <= at_us), default=None)
    _, from_us, until_us = line.stretch(at_us)
    assert from_us <= at_us <= until_us
    assert not [moment for moment in changes if from_us < moment < until_us]
