from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.kernel.sorting import Order, decode_cursor, encode_cursor, in_order, parse_sort

KINDS: dict[str, type] = {"name": str, "created_at": datetime, "weight": int}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_a_minus_turns_it_round() -> None:
    assert parse_sort("name,-created_at", KINDS) == (Order("name"), Order("created_at", descending=True))


def test_the_first_word_on_a_field_counts() -> None:
    assert parse_sort("name,weight,-name", KINDS) == (Order("name"), Order("weight"))


@pytest.mark.parametrize("text", ["", "colour", "name,", "--name", "name;weight", "Name", "name ", "__class__"])
def test_an_unknown_field_is_named_with_those_there_are(text: str) -> None:
    with pytest.raises(Invalid, match="there are created_at, name, weight") as caught:
        parse_sort(text, KINDS)
    assert caught.value.details[0].field == "query.sort"


def test_what_is_equal_stays_as_it_was() -> None:
    items = [("b", 1), ("a", 1), ("c", 0)]
    sort = (Order("1"),)
    assert in_order(items, sort, lambda item, field: item[int(field)]) == [("c", 0), ("b", 1), ("a", 1)]
    assert in_order(items, (), lambda item, field: item[int(field)]) == items
    both = (Order("1", descending=True), Order("0"))
    assert in_order(items, both, lambda item, field: item[int(field)]) == [("a", 1), ("b", 1), ("c", 0)]


@given(
    st.text(),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(min_value=-(2**62), max_value=2**62),
    st.text(),
)
def test_a_cursor_comes_back_as_it_was(name: str, at: datetime, weight: int, row: str) -> None:
    sort = (Order("name"), Order("created_at", descending=True), Order("weight"))
    position = (name, at, weight, row)
    assert decode_cursor(encode_cursor(sort, position), sort, KINDS) == position


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "not a cursor",
        encoded({}),
        encoded([]),
        encoded([1]),
        encoded(["name"]),
        encoded(["name", "a"]),
        encoded(["name", 1, "id"]),
        encoded(["name", None, "id"]),
        encoded(["name", "a", "id", "more"]),
        "[" * 2000,
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(cursor, (Order("name"),), KINDS)
    assert caught.value.details[0].field == "query.cursor"


@pytest.mark.parametrize("value", [2**63, -(2**63), 2**61, True, 1.5, "x"])
def test_a_time_in_a_cursor_is_one_that_can_be(value: object) -> None:
    with pytest.raises(Invalid):
        decode_cursor(encoded(["created_at", value, "id"]), (Order("created_at"),), KINDS)


def test_a_cursor_is_for_the_order_that_it_was_made_in() -> None:
    cursor = encode_cursor((Order("name"),), ("a", "id"))
    with pytest.raises(Invalid, match="another order"):
        decode_cursor(cursor, (Order("name", descending=True),), KINDS)
    with pytest.raises(Invalid, match="another order"):
        decode_cursor(cursor, (Order("weight"),), KINDS)


def test_a_time_keeps_its_microseconds() -> None:
    sort = (Order("created_at"),)
    at = NOON + timedelta(microseconds=1)
    assert decode_cursor(encode_cursor(sort, (at, "x")), sort, KINDS) == (at, "x")
