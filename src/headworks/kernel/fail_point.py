"""K11, the place in the middle of a job at which the kill tests end this process (`engine/src/fail_point.rs` has the others).

A job is one transaction, or one for each of its parts: whatever it had done by then must be undone, and done again to the
same numbers. Bootstrap says what is behind it; without that nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Midway:
    """To be called between the writes of a job, before it is committed."""

    def __init__(self) -> None:
        self._reach: Callable[[str], None] | None = None

    def reached_by(self, reach: Callable[[str], None]) -> None:
        """What ends the process, where it is armed."""
        self._reach = reach

    def __call__(self) -> None:
        """Here."""
        if self._reach is not None:
            self._reach("K11")


midway = Midway()
"""Of this process, as the engine's own fail points are."""
