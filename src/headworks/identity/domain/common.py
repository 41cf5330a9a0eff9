"""Passwords that everybody guesses first: known words with decoration, walks over the keyboard, repetitions.

Offline, from a list that is shipped (`common_passwords.txt` says where it comes from). A list of whole passwords would
miss nearly all of them: what is long enough for us is a known word with digits and signs around it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_WORDS = Path(__file__).with_name("common_passwords.txt")
_REPLACED = str.maketrans("@4831!0$5+7", "aabeiiosstt")
"""How people write letters as signs."""
_MOST_DECORATION = 6
"""Characters around a known word; with more, the rest is what makes the password."""
_LONGEST_UNIT = 8
_SHORTEST_RUN = 3
_FEWEST_DIFFERENT = 4
_WALKS = (
    "abcdefghijklmnopqrstuvwxyz",
    "012345678901234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
)


@cache
def common_words() -> frozenset[str]:
    """The shipped words, lower case."""
    lines = _WORDS.read_text(encoding="ascii").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def is_common(password: str) -> bool:
    """Whether it is among the first guesses of anybody who tries."""
    lower = password.casefold()
    return (
        len(set(lower)) < _FEWEST_DIFFERENT
        or _repeats(lower)
        or _walks(lower)
        or _decorates(lower)
        or _decorates(lower.translate(_REPLACED))
    )


def _decorates(text: str) -> bool:
    """Whether it is a known word with a little before or behind it: `Dragon2024!`."""
    start = next((at for at, character in enumerate(text) if character.isalpha()), len(text))
    end = next((at for at in range(len(text), start, -1) if text[at - 1].isalpha()), start)
    core = text[start:end]
    known = core in common_words() or core.translate(_REPLACED) in common_words()
    return known and len(text) - len(core) <= _MOST_DECORATION


def _repeats(text: str) -> bool:
    """Whether it is one short unit over and over: `monkeymonkey`, `ab12ab12ab12`."""
    return any(
        text == (text[:length] * len(text))[: len(text)] for length in range(1, min(_LONGEST_UNIT, len(text) // 2) + 1)
    )


def _walks(text: str) -> bool:
    """Whether it is nothing but runs along the alphabet, the digits or the keyboard: `qwerty12345`."""
    at = 0
    while at < len(text):
        length = _run(text[at:])
        if length < _SHORTEST_RUN:
            return False
        at += length
    return True


def _run(text: str) -> int:
    """How many characters of its beginning are a run, forwards or backwards."""
    length = 0
    while length < len(text) and any(text[: length + 1] in walk for walk in _BOTH_WAYS):
        length += 1
    return length


_BOTH_WAYS = (*_WALKS, *(walk[::-1] for walk in _WALKS))
