"""Moments as whole numbers since 1970, UTC: microseconds, as they are kept, and seconds, as roll-ups count. Exact, by integers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


def micros(at: datetime) -> int:
    """Of an aware time."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at_us: int) -> datetime:
    """The time in UTC. Raises OverflowError where a calendar has no such year."""
    return _EPOCH + at_us * _MICROSECOND


def said(at_us: int) -> str:
    """As an error says it."""
    return moment(at_us).isoformat().replace("+00:00", "Z")


def second_of(at: datetime) -> int:
    """The one that holds an aware time."""
    return (at - _EPOCH) // _SECOND


def time_of(at_s: int) -> datetime:
    """The time in UTC at which a second begins. Raises OverflowError where a calendar has no such year."""
    return _EPOCH + at_s * _SECOND


def first_second_of(day: date) -> int:
    """In UTC."""
    return (day - _EPOCH.date()) // _SECOND


def whole_seconds(span: timedelta) -> int:
    """Of a time zone's offset."""
    return span // _SECOND
