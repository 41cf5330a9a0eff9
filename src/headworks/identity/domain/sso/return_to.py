"""Where somebody goes after signing in: a path on this server, and nothing that a browser takes for another one."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from headworks.kernel.errors import Invalid

_LONGEST: Final = 1024
_WRITTEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_PATH = re.compile(r"/[\x21-\x5b\x5d-\x7e]*", re.ASCII)
"""Printable ASCII without a backslash, which browsers take for a slash."""
_ROUNDS: Final = 3


def checked_return_to(text: str, field: str = "query.return_to") -> str:
    """A path with its query. Raises Invalid for what could lead elsewhere, however it is written."""
    if len(text) > _LONGEST:
        raise Invalid.field(field, "too_long", f"must have at most {_LONGEST} characters")
    if not _WRITTEN.fullmatch(text):
        raise _not_local(field)
    shown = text
    # Something on the way may decode it once more than we do.
    for _ in range(_ROUNDS):
        if not _is_local(shown):
            raise _not_local(field)
        shown = unquote(shown)
    return text


def _is_local(text: str) -> bool:
    path = text.partition("?")[0].partition("#")[0]
    # What begins with one slash has no scheme and no host.
    return bool(_PATH.fullmatch(path)) and "//" not in path and all(one >= " " and one != "\x7f" for one in text)


def _not_local(field: str) -> Invalid:
    return Invalid.field(field, "not_local", "must be a path on this server, such as /usage, without // and \\")
