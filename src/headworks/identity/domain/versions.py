"""Two editors must not overwrite each other: whoever says what they saw is told when it is out of date."""

from __future__ import annotations

from headworks.kernel.errors import Stale


def check_version(expected: int | None, found: int) -> None:
    """Raises Stale. None is for who does not care."""
    if expected is not None and expected != found:
        raise Stale("It was changed since you read it. Read it again, and make your change to what is there now.")
