"""Rules for text that people type and others read: names that print, sort and compare the same everywhere."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_LENGTH = 128
"""The most characters that a name may have."""
COMPARABLE_LENGTH = 512
"""The most characters of `comparable`: some letters are spelled out there, and stores keep it in an index."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that do not show: controls, directional marks, surrogates, unassigned, line separators."""


def checked_name(field: str, value: str) -> str:
    """`value` in NFC without outer spaces. Raises Invalid when it is empty, too long, or holds what does not show."""
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        raise Invalid.field(field, "empty", "must not be empty")
    if len(name) > NAME_LENGTH:
        raise Invalid.field(field, "too_long", f"has {len(name)} characters; at most {NAME_LENGTH} are allowed")
    if len(comparable(name)) > COMPARABLE_LENGTH:
        raise Invalid.field(field, "too_long", "is too long when its ligatures and signs are spelled out; shorten it")
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise Invalid.field(field, "unprintable", "holds a control or invisible character; remove it")
    return name


def comparable(name: str) -> str:
    """What two names must not share: neither case nor another way to write the same characters tells them apart."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def nearest(wanted: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The names most like `wanted`, best first, for an error that helps."""
    return difflib.get_close_matches(wanted, list(known), n=count, cutoff=0.5)
