"""Two editors must not overwrite each other: whoever says what they saw is told when it is out of date."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from headworks.kernel.errors import Stale


@dataclass(frozen=True, slots=True)
class Editing:
    """How this installation lets people edit."""

    if_match_required: bool = False
    """Whether nobody changes what they have not seen."""


def check_version(expected: int | None, found: int) -> None:
    """Raises Stale. None is for who does not care."""
    if expected is not None and expected != found:
        raise Stale(
            "It was changed since you read it. Read it again, and make your change to what is there now.", current=found
        )


def mark_of(resource_id: str) -> str:
    """Tells things apart that may have the same name and version."""
    return hashlib.sha256(resource_id.encode()).hexdigest()[:12]


def tag_of(resource_id: str, version: int) -> str:
    """What `If-Match` says of a thing as it was seen: `"VERSION.MARK"`, with its quotes."""
    return f'"{version}.{mark_of(resource_id)}"'
