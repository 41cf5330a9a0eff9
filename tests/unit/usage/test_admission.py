"""Which tags are told apart: so many, and what was said of some holds for ever."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.dataplane.events import LONGEST_TAGS
from headworks.kernel.moments import micros
from headworks.usage.domain import admission
from headworks.usage.domain.admission import MOST_NAMES, NOTHING_TOLD, OTHER, SETS_A_VALUE, Month, TagSets
from headworks.usage.domain.rollups import tags_of
from tests.unit.usage.conftest import NOON

MONTH_S = micros(NOON.replace(day=1, hour=0)) // 10**6


def text(**tags: str) -> str:
    """As the engine writes it."""
    return json.dumps(tags, separators=(",", ":"), sort_keys=True)


def admitted(sets: TagSets, wanted: Iterable[str]) -> list[str | None]:
    wanted = list(wanted)
    for tags in wanted:
        sets.admit([tags])
    return [sets.summed_as(tags) for tags in wanted]


def test_as_many_values_of_a_name_as_there_is_room_for() -> None:
    sets = TagSets(2)
    wanted = [text(run=run, team="a") for run in "1234"]
    assert admitted(sets, wanted) == [*wanted[:2], text(run=OTHER, team="a"), text(run=OTHER, team="a")]
    assert admitted(sets, [text(run="9", team="b"), text(run="2", team="b"), text(team="c"), text(run="1")]) == [
        text(run=OTHER, team="b"),
        text(run="2", team="b"),
        text(team=OTHER),
        text(run="1"),
    ]
    assert sets.full() == {"values of run", "values of team"}


def test_a_real_value_joins_the_other_ones_and_takes_no_place() -> None:
    sets = TagSets(1)
    assert admitted(sets, [text(run=OTHER), text(run="1"), text(run="2")]) == [
        text(run=OTHER),
        text(run="1"),
        text(run=OTHER),
    ]
    assert admitted(sets, ['{"(other)":"x","run":"1"}']) == ['{"(other)":"(other)","run":"1"}']


def test_as_many_names_as_there_is_room_for() -> None:
    sets = TagSets(1_000)
    admitted(sets, [text(**{f"n{number}": "v"}) for number in range(MOST_NAMES)])
    assert sets.full() == {"names"}
    assert admitted(sets, [text(n1="w", new="1"), text(new="1"), text(n2="x")]) == [
        '{"(other)":"(other)","n1":"w"}',
        NOTHING_TOLD,
        text(n2="x"),
    ]
    one_more = TagSets(1_000, [text(**{f"n{number}": "v"}) for number in range(MOST_NAMES - 1)])
    assert admitted(one_more, [text(a="1", b="2")]) == ['{"(other)":"(other)","a":"1"}']


def test_values_of_several_names_do_not_multiply() -> None:
    sets = TagSets(10)
    wanted = [text(a=str(a), b=str(b), c=str(c)) for a in range(5) for b in range(5) for c in range(5)]
    found = admitted(sets, wanted)
    bare = text(a=OTHER, b=OTHER, c=OTHER)
    most = 10 * SETS_A_VALUE
    assert found == [*wanted[: most - 1], *[bare] * (125 - most + 1)]
    assert (len(sets.sets), sets.full()) == (most, {"combinations"})
    assert admitted(sets, [text(a="1"), text(z="1")]) == [NOTHING_TOLD, NOTHING_TOLD], "names of no other set"


def test_the_last_place_is_for_the_names_of_a_set() -> None:
    sets = TagSets(1, [text(**{f"n{number}": "v"}) for number in range(SETS_A_VALUE - 1)])
    assert sets.admit([text(n0="v", n1="v")]) == [text(n0=OTHER, n1=OTHER)]
    assert sets.summed_as(text(n0="v", n1="v")) == text(n0=OTHER, n1=OTHER)


def test_what_had_a_place_keeps_it_however_many_there_are() -> None:
    there = [text(run=str(run)) for run in range(25)]
    sets = TagSets(2, there)
    assert sets.admit(there) == []
    assert [sets.summed_as(tags) for tags in there] == there
    assert admitted(sets, [text(run="new")]) == [NOTHING_TOLD]


def test_texts_are_no_longer_than_they_may_be() -> None:
    sets = TagSets(1, ['{"a":"1"}'])
    few, many = {f"n{number}": "x" * 40 for number in range(18)}, {f"n{number:02}": "x" for number in range(90)}
    assert len(text(**few)) < LONGEST_TAGS
    assert len(text(**many)) < LONGEST_TAGS
    wanted = [text(**few), text(**{**few, "a": "2"}), text(**{**many, "a": "2"})]
    found = admitted(sets, wanted)
    assert found == [wanted[0], NOTHING_TOLD, NOTHING_TOLD]
    assert all(len(one) <= LONGEST_TAGS for one in sets.sets)
    found = admitted(sets, [text(n00="2"), text(**many)])
    assert all(one is not None and len(one) <= LONGEST_TAGS for one in (*found, *sets.sets))


def test_odd_tags() -> None:
    long_name, control = json.dumps({65 * "x": "v"}), '{"team":"a\\u0000\\ud800"}'
    sets = TagSets(1)
    assert admitted(sets, [long_name, control, "{}"]) == [long_name, control, "{}"]
    assert admitted(sets, ['{"run":"1","team":"b\\u0000"}']) == [text(run="1", team=OTHER)]
    assert all(one.encode() for one in sets.sets)


@pytest.mark.parametrize(
    ("day", "hour"), [(1, 0), (2, 12), (31, 23)], ids=["first second", "in the middle", "last hour"]
)
def test_months_are_those_of_utc(day: int, hour: int) -> None:
    at_s = micros(NOON.replace(day=day, hour=hour)) // 10**6
    assert Month.of("org_1", at_s) == ("org_1", MONTH_S)
    assert Month.of("org_1", MONTH_S - 1) == ("org_1", MONTH_S - 31 * 86_400)
    assert Month.of("org_1", MONTH_S + 31 * 86_400) == ("org_1", MONTH_S + 31 * 86_400)


names, values = st.sampled_from(["a", "b", "c", "d", OTHER]), st.sampled_from(["1", "2", "3", OTHER])
some_tags = st.dictionaries(names, values, max_size=4).map(lambda tags: text(**tags))


@given(there=st.lists(some_tags, max_size=6), wanted=st.lists(st.lists(some_tags, max_size=6), max_size=12))
def test_what_was_said_once_holds_for_ever(there: list[str], wanted: list[list[str]]) -> None:
    """Also what follows from an older copy, as another process has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission, "MOST_NAMES", 3)
        patch.setattr(admission, "SETS_A_VALUE", 4)
        sets = TagSets(2, there)
        copies = [sets.copied()]
        said: dict[str, str | None] = {}
        for batch in wanted:
            new = sets.admit(batch)
            copies.append(sets.copied())
            assert len(new) == len(set(new))
            assert new == [] or len(sets.sets) <= 8
            for tags in batch:
                assert sets.summed_as(tags) is not None
                said.setdefault(tags, sets.summed_as(tags))
        every = {tags for batch in wanted for tags in batch} | set(there)
        assert {tags: sets.summed_as(tags) for tags in said} == said
        for copied in copies:
            assert {copied.summed_as(tags) for tags in there} <= set(there)
            for tags in every:
                assert copied.summed_as(tags) in (None, sets.summed_as(tags))
        again = TagSets(2, sets.sets)
        assert {tags: again.summed_as(tags) for tags in every} == {tags: sets.summed_as(tags) for tags in every}
        of_each: dict[str, set[str]] = {}
        for one in {sets.summed_as(tags) or "" for tags in every} - set(there):
            for name, value in tags_of(one).items():
                of_each.setdefault(name, set()).add(value)
        had = {name for one in there for name in tags_of(one)}
        assert all(len(found - {OTHER}) <= 2 for name, found in of_each.items() if name not in had)
        assert len(of_each.keys() - had - {OTHER}) <= 3
