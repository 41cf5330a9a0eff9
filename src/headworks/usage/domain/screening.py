"""Which events can be stored. Text that a database would refuse is mended; numbers that make no sense are not guessed at.

Every event passes here, so the usual batch must pass quickly: a few calls for each column of it, which loop in C. Where one event is
not usual, each of its batch is looked at field by field.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from headworks.dataplane.events import LONGEST_TAGS, UsageEvent
from headworks.kernel.moments import said
from headworks.usage.domain.rows import OWN, Shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.usage.domain.rows import Own

LARGEST_COUNT: Final = 2**53
"""The largest count that a JSON number carries exactly, and more than any request can use."""
LONGEST_ID: Final = 128
LONGEST_TEXT: Final = 256
LONGEST_BUDGETS: Final = 1024
LARGEST_AMOUNT: Final = 2**63 - 1
"""Of nanodollars: what a database's integer holds."""
OLDEST_US = 35 * 86_400_000_000
_YOUNGEST_US = 5 * 60_000_000
"""A clock that is further off than this is wrong, and its records are moved to where they can still be right."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TEXTS = OWN[: OWN.index("streamed")]
_COUNTS = OWN[OWN.index("occurred_at_us") :]
_NAMES = Shared(*Shared._fields)
_DESCRIPTIONS = frozenset({"model", "endpoint", "upstream_model", "outcome", "usage_source"})
_REMEMBERED: Final = 4_096
"""What events share is the same in very many batches."""


class Unfit(Exception):
    """The event cannot be stored; the text says why."""


@lru_cache(maxsize=_REMEMBERED)
def screen_shared(shared: tuple[str, ...]) -> Shared:
    """What others share too, in the order of `Shared`. Ids say what a record is, so they are not mended; other text only describes it.

    Raises Unfit.
    """
    for name, value in zip(_NAMES, shared, strict=True):
        if not isinstance(value, str):
            raise Unfit(f"{name} is not a text")
        if name not in _DESCRIPTIONS:
            _check_id(name, value, LONGEST_BUDGETS if name == "budgets" else LONGEST_ID)
    if not shared[0]:
        raise Unfit("source is empty")
    return Shared(
        *(_mended(value) if name in _DESCRIPTIONS else value for name, value in zip(_NAMES, shared, strict=True))
    )


def are_usual(events: Sequence[Sequence[object]], received_at_us: int) -> bool:
    """Whether nothing of the events' own would be refused or mended by `screen_own`, in any of them."""
    try:
        columns: dict[str, Any] = dict(zip(UsageEvent._fields, zip(*events, strict=True), strict=True))
        counts = [columns[name] for name in _COUNTS]
        known = [at_us for at_us in columns["first_byte_us"] if at_us is not None]
        drawn, times = columns["drawn_nanodollars"], columns["occurred_at_us"]
        texts = "".join(map("".join, (columns[name] for name in _TEXTS)))
        return (
            # A sum is an integer when all that it adds up are.
            all(type(sum(one)) is int and min(one) >= 0 and max(one) <= LARGEST_COUNT for one in (*counts, [0, *known]))
            and (type(sum(drawn)) is int and min(drawn) >= 0 and max(drawn) <= LARGEST_AMOUNT)
            and (received_at_us - OLDEST_US <= min(times) and max(times) <= received_at_us + _YOUNGEST_US)
            and set(map(type, columns["streamed"])) == {bool}
            and (texts.isascii() and texts.isprintable())
            and all(max(map(len, columns[name])) <= LONGEST_ID for name in _TEXTS)
            and min(map(len, columns["event_id"])) > 0
            and all(tags == "" or _are_tags(tags) for tags in set(columns["tags"]))
        )
    except (TypeError, ValueError):
        return False


def screen_own(own: Own, received_at_us: int, kept_from_us: int = 0) -> Own:
    """What is the event's own. Raises Unfit.

    `received_at_us` (UTC microseconds) is the present: an event from far before or after it is moved and flagged `clock`. Since
    `kept_from_us` records are kept, which is longer than what is usual.
    """
    fields = dict(zip(OWN, own, strict=True))
    for name in _COUNTS:
        _check_count(name, fields[name])
    if fields["first_byte_us"] is not None:
        _check_count("first_byte_us", fields["first_byte_us"])
    if not isinstance(fields["streamed"], bool):
        raise Unfit("streamed is not a boolean")
    drawn = fields["drawn_nanodollars"]
    if not isinstance(drawn, int) or not 0 <= drawn <= LARGEST_AMOUNT:
        raise Unfit(f"drawn_nanodollars is not a whole number from 0 to {LARGEST_AMOUNT}")
    for name in _TEXTS:
        if not isinstance(fields[name], str):
            raise Unfit(f"{name} is not a text")
        fields[name] = fields[name] if name == "event_id" else _mended(fields[name])
    _check_id("event_id", fields["event_id"])
    if not fields["event_id"]:
        raise Unfit("event_id is empty")
    if fields["tags"] != "" and not _are_tags(fields["tags"]):
        fields["tags"] = ""
        _flag(fields, "tags")
    _check_clock(fields, received_at_us, kept_from_us)
    return tuple(fields.values())


def _check_clock(fields: dict[str, Any], received_at_us: int, kept_from_us: int) -> None:
    if fields["occurred_at_us"] < kept_from_us:
        raise Unfit(
            f"it began before {said(kept_from_us)}, since when records are kept: whether it was stored and charged before, "
            "cannot be told any more"
        )
    sane = min(max(fields["occurred_at_us"], received_at_us - OLDEST_US), received_at_us + _YOUNGEST_US)
    if sane != fields["occurred_at_us"]:
        fields["occurred_at_us"] = sane
        _flag(fields, "clock")


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
