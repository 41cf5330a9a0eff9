"""The one place that reads the clock. Whoever decides by time takes a `Clock`, so that tests can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that says what time it is; `now` is the real one."""

    def __call__(self) -> datetime:
        """The present moment, aware, in UTC."""


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def unix_ms() -> int:
    """The present moment in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds from an unknown start, for durations: it never jumps when the wall clock is set."""
    return time.monotonic()
