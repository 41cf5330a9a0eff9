"""Which events can be stored. Text that a database would refuse is mended; numbers that make no sense are not guessed at.

Every event passes here, so the usual one must pass quickly: a few calls that loop in C, and no look at single fields.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from headworks.dataplane.events import LONGEST_TAGS
from headworks.usage.domain.rows import OWN, Shared

if TYPE_CHECKING:
    from headworks.usage.domain.rows import Own

LARGEST_COUNT: Final = 2**53
"""The largest count that a JSON number carries exactly, and more than any request can use."""
LONGEST_ID: Final = 128
LONGEST_TEXT: Final = 256
LONGEST_BUDGETS: Final = 1024
LARGEST_AMOUNT: Final = 2**63 - 1
"""Of nanodollars: what a database's integer holds."""
_OLDEST_US = 35 * 86_400_000_000
_YOUNGEST_US = 5 * 60_000_000
"""A clock that is further off than this is wrong, and its records are moved to where they can still be right."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TEXTS = slice(0, OWN.index("streamed"))
_COUNTS = slice(OWN.index("occurred_at_us"), None)
_EVENT_ID = OWN.index("event_id")
_STREAMED = OWN.index("streamed")
_TAGS = OWN.index("tags")
_FIRST_BYTE = OWN.index("first_byte_us")
_DRAWN = OWN.index("drawn_nanodollars")
_OCCURRED_AT = OWN.index("occurred_at_us")
_NAMES = Shared(*Shared._fields)
_DESCRIPTIONS = frozenset({"model", "endpoint", "upstream_model", "outcome", "usage_source"})


class Unfit(Exception):
    """The event cannot be stored; the text says why."""


def screen_shared(shared: Shared) -> Shared:
    """What others share too. Ids say what a record is, so they are not mended; other text only describes it.

    Raises Unfit.
    """
    for name, value in zip(_NAMES, shared, strict=True):
        if not isinstance(value, str):
            raise Unfit(f"{name} is not a text")
        if name not in _DESCRIPTIONS:
            _check_id(name, value, LONGEST_BUDGETS if name == "budgets" else LONGEST_ID)
    if not shared.source:
        raise Unfit("source is empty")
    return Shared(
        *(_mended(value) if name in _DESCRIPTIONS else value for name, value in zip(_NAMES, shared, strict=True))
    )


def screen_own(own: Own, received_at_us: int) -> Own:
    """What is the event's own. Raises Unfit.

    `received_at_us` (UTC microseconds) is the present: an event from far before or after it is moved and flagged `clock`.
    """
    counts, first_byte = own[_COUNTS], own[_FIRST_BYTE]
    try:
        texts = "".join(own[_TEXTS])
        usual = (
            # The sum is an integer when all of them are, and this looks at all their types at once.
            type(sum(counts)) is int
            and min(counts) >= 0
            and max(counts) <= LARGEST_COUNT
            and received_at_us - _OLDEST_US <= own[_OCCURRED_AT] <= received_at_us + _YOUNGEST_US
            and (first_byte is None or (isinstance(first_byte, int) and 0 <= first_byte <= LARGEST_COUNT))
            and type(own[_STREAMED]) is bool
            and type(own[_DRAWN]) is int
            and 0 <= own[_DRAWN] <= LARGEST_AMOUNT
            and (own[_TAGS] == "" or _are_tags(own[_TAGS]))
            and len(texts) <= LONGEST_ID
            and texts.isascii()
            and texts.isprintable()
            and own[_EVENT_ID] != ""
        )
    except TypeError:
        usual = False
    return own if usual else _mended_own(own, received_at_us)


def _mended_own(own: Own, received_at_us: int) -> Own:
    """Field by field, what `screen_own` looks at all at once."""
    fields = dict(zip(OWN, own, strict=True))
    for name in OWN[_COUNTS]:
        _check_count(name, fields[name])
    if fields["first_byte_us"] is not None:
        _check_count("first_byte_us", fields["first_byte_us"])
    if not isinstance(fields["streamed"], bool):
        raise Unfit("streamed is not a boolean")
    drawn = fields["drawn_nanodollars"]
    if not isinstance(drawn, int) or not 0 <= drawn <= LARGEST_AMOUNT:
        raise Unfit(f"drawn_nanodollars is not a whole number from 0 to {LARGEST_AMOUNT}")
    for name in OWN[_TEXTS]:
        if not isinstance(fields[name], str):
            raise Unfit(f"{name} is not a text")
        fields[name] = fields[name] if name == "event_id" else _mended(fields[name])
    _check_id("event_id", fields["event_id"])
    if not fields["event_id"]:
        raise Unfit("event_id is empty")
    if fields["tags"] != "" and not _are_tags(fields["tags"]):
        fields["tags"] = ""
        _flag(fields, "tags")
    sane = min(max(fields["occurred_at_us"], received_at_us - _OLDEST_US), received_at_us + _YOUNGEST_US)
    if sane != fields["occurred_at_us"]:
        fields["occurred_at_us"] = sane
        _flag(fields, "clock")
    return tuple(fields.values())


def _flag(fields: dict[str, Any], flag: str) -> None:
    fields["usage_flags"] = ",".join(filter(None, (fields["usage_flags"], flag)))


def _are_tags(text: object) -> bool:
    if not isinstance(text, str) or not text.isprintable() or len(text.encode()) > LONGEST_TAGS:
        return False
    try:
        tags = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values())


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise Unfit(f"{name} is not a whole number from 0 to {LARGEST_COUNT}")


def _check_id(name: str, value: str, longest: int = LONGEST_ID) -> None:
    if len(value) > longest or not (value.isascii() and value.isprintable()):
        raise Unfit(f"{name} is longer than {longest} characters, or holds others than printable ASCII")


def _mended(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and without what a console should not print."""
    if len(text) <= LONGEST_TEXT and text.isprintable():
        return text
    return "".join(character if character.isprintable() else _REPLACEMENT for character in text[:LONGEST_TEXT])
