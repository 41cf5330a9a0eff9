"""Two editors must not overwrite each other: whoever says what they saw is told when it is out of date."""

from __future__ import annotations

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
