from __future__ import annotations

import json
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.dataplane.events import FIRST_FIELDS, LONGEST_TAGS, UsageEvent
from headworks.ledger.contracts import MarkUpBook
from headworks.usage.domain.intake import Intake
from headworks.usage.domain.rows import OWN, event_of
from headworks.usage.domain.screening import LARGEST_AMOUNT, LARGEST_COUNT, LONGEST_ID, LONGEST_TEXT, Unfit, are_usual
from tests.unit.usage.conftest import DAY_US, NOON_US, SECOND_US, book, event

OWN_RULES = {"occurred_at_us", "drawn_nanodollars", "tags", "budgets"}
COUNTS = [name for name, kind in get_type_hints(UsageEvent).items() if kind is int and name not in OWN_RULES]
IDS = ["source", "event_id", "organization_id", "project_id", "key_id", "provider_id", "deployment_id", "user_id"]
TEXTS = [
    "model",
    "endpoint",
    "upstream_model",
    "outcome",
    "usage_source",
    "upstream_request_id",
    "error_code",
    "usage_flags",
]


def screened(given_event: object) -> UsageEvent:
    """What would be stored, which is the same whether it is looked at with its batch or alone."""
    intake = Intake(book(), MarkUpBook(()), NOON_US)
    subject, own = intake.take(given_event)  # type: ignore[arg-type]
    if are_usual([given_event], NOON_US):  # type: ignore[list-item]
        assert intake.take(given_event, usual=True) == (subject, own)  # type: ignore[arg-type]
    return event_of(subject.shared, own)


def test_the_lists_above_are_complete() -> None:
    assert {*COUNTS, *IDS, *TEXTS, *OWN_RULES, "first_byte_us", "streamed"} == set(UsageEvent._fields)


def test_an_ordinary_batch_is_usual_and_one_odd_event_is_enough() -> None:
    usual = [event(number, tags=tags) for number, tags in enumerate(("", '{"team":"a"}', ""), 1)]
    assert are_usual(usual, NOON_US)
    odd = {
        "event_id": "",
        "upstream_request_id": "x" * (LONGEST_ID + 1),
        "error_code": "\0",
        "usage_flags": None,
        "streamed": 1,
        "tags": "[]",
        "first_byte_us": -1,
        "drawn_nanodollars": LARGEST_AMOUNT + 1,
        "occurred_at_us": NOON_US - 35 * DAY_US - 1,
        **dict.fromkeys(set(COUNTS) - {"occurred_at_us"}, 1.0),
    }
    assert {*OWN} == odd.keys()
    for name, value in odd.items():
        assert not are_usual([*usual, event(9, **{name: value})], NOON_US), name
    assert not are_usual([*usual, tuple(event(9))[:FIRST_FIELDS]], NOON_US)
    assert not are_usual([], NOON_US)


def test_an_ordinary_event_passes_unchanged() -> None:
    assert screened(event()) == event()
    assert screened(tuple(event(first_byte_us=None))) == event(first_byte_us=None)


@pytest.mark.parametrize("name", [*COUNTS, "first_byte_us"])
def test_counts_are_whole_and_in_bounds(name: str) -> None:
    for good in (0, 1, LARGEST_COUNT):
        assert screened(event(**{name: good})) == event(**{name: good})
    for bad in (-1, LARGEST_COUNT + 1, 2**64, 1.0, float("nan"), "1", [1]):
        with pytest.raises(Unfit, match=name):
            screened(event(**{name: bad}))


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_never_missing(name: str) -> None:
    with pytest.raises(Unfit, match=name):
        screened(event(**{name: None}))


@pytest.mark.parametrize("name", IDS)
def test_ids_are_short_and_plain(name: str) -> None:
    longest = "x" * LONGEST_ID
    assert screened(event(**{name: longest})) == event(**{name: longest})
    for bad in ("x" * (LONGEST_ID + 1), "a\0", "ü", "a\n", "\ud800", None, 1):
        with pytest.raises(Unfit, match=name):
            screened(event(**{name: bad}))


def test_only_a_source_and_an_event_id_must_be_there() -> None:
    empty = dict.fromkeys([*IDS[2:], *TEXTS], "")
    assert screened(event(**empty)) == event(**empty)
    for name in ("source", "event_id"):
        with pytest.raises(Unfit, match=name):
            screened(event(**{name: ""}))


@pytest.mark.parametrize("name", TEXTS)
def test_other_text_is_mended_and_kept(name: str) -> None:
    for good in ("ü", "模型", "a b", "x" * LONGEST_TEXT):
        assert screened(event(**{name: good})) == event(**{name: good})
    for bad, mended in (
        ("a\0b", "a\ufffdb"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("\u202ea", "\ufffda"),
        ("a\ud800", "a\ufffd"),
        ("x" * (LONGEST_TEXT + 9), "x" * LONGEST_TEXT),
    ):
        assert screened(event(**{name: bad})) == event(**{name: mended})
    for other in (None, 1, b"x"):
        with pytest.raises(Unfit):
            screened(event(**{name: other}))


def test_a_flag_for_streams_is_a_boolean() -> None:
    assert screened(event(streamed=False)).streamed is False
    for bad in (1, 0, "true", None):
        with pytest.raises(Unfit, match="streamed"):
            screened(event(streamed=bad))


def test_a_wrong_clock_is_set_right_and_flagged() -> None:
    for at, kept in (
        (NOON_US + 5 * 60 * SECOND_US, None),
        (NOON_US - 35 * DAY_US, None),
        (NOON_US + 5 * 60 * SECOND_US + 1, NOON_US + 5 * 60 * SECOND_US),
        (NOON_US - 35 * DAY_US - 1, NOON_US - 35 * DAY_US),
        (0, NOON_US - 35 * DAY_US),
    ):
        found = screened(event(occurred_at_us=at))
        assert (found.occurred_at_us, found.usage_flags) == ((at, "") if kept is None else (kept, "clock"))
    assert screened(event(occurred_at_us=0, usage_flags="negative")).usage_flags == "negative,clock"
    for bad in (-1, 1.5, None, "now"):
        with pytest.raises(Unfit, match="occurred_at_us"):
            screened(event(occurred_at_us=bad))


@pytest.mark.parametrize("shape", [(), ("x",) * 31, ("x",) * 33, ("x",) * 37, (None,) * 32, ([],) * 36])
def test_other_shapes_are_unfit(shape: tuple[object, ...]) -> None:
    with pytest.raises(Unfit):
        screened(shape)


def test_an_older_gateways_event_ends_sooner() -> None:
    assert screened(tuple(event())[:FIRST_FIELDS]) == event()


def test_what_was_drawn_is_an_amount() -> None:
    for good in (0, 2**53 + 1, LARGEST_AMOUNT):
        assert screened(event(drawn_nanodollars=good)).drawn_nanodollars == good
    for bad in (-1, LARGEST_AMOUNT + 1, 1.0, None, "1"):
        with pytest.raises(Unfit, match="drawn_nanodollars"):
            screened(event(drawn_nanodollars=bad))


def test_which_budgets_were_drawn_from_is_not_guessed_at() -> None:
    many = ",".join(f"bud_{number}@1767312000000000" for number in range(40))
    assert screened(event(budgets=many)).budgets == many
    for bad in (many * 2, "bud_\0@1", "bud_\u00fc@1", None, 7):
        with pytest.raises(Unfit, match="budgets"):
            screened(event(budgets=bad))


def test_tags_are_an_object_of_strings_or_nothing() -> None:
    for good in ("", "{}", '{"team":"\u00e9t\u00e9"}', json.dumps({"k": "x" * (LONGEST_TAGS - 9)})):
        found = screened(event(tags=good))
        assert (found.tags, found.usage_flags) == (good, "")
    too_long = json.dumps({"k": "x" * LONGEST_TAGS})
    for bad in ("[]", '{"a":1}', "nonsense", '{"a":"\0"}', '{"a":"\ud800"}', too_long, "[" * 1000):
        found = screened(event(tags=bad, usage_flags="negative"))
        assert (found.tags, found.usage_flags) == ("", "negative,tags")
    for other in (None, 1, b"{}"):
        assert screened(event(tags=other)).tags == ""


ANYTHING = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=300) | st.binary()


@given(st.data())
def test_whatever_comes_either_fits_or_is_unfit(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(UsageEvent._fields))
    spoilt = event(**{name: data.draw(ANYTHING)})
    try:
        kept = screened(spoilt)
    except Unfit:
        return
    assert screened(kept) == kept
    assert all("\0" not in value for value in kept if isinstance(value, str))
