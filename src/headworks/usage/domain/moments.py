"""Moments as whole seconds since 1970."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def second_of(at: datetime) -> int:
    """The one that holds an aware time."""
    return (at - _EPOCH) // _SECOND


def first_second_of(day: date) -> int:
    """In UTC."""
    return (day - _EPOCH.date()) // _SECOND


def whole_seconds(span: timedelta) -> int:
    """Of a time zone's offset."""
    return span // _SECOND
