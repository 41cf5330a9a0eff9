"""Moments as the ledger counts them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Of an aware time."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at_us: int) -> datetime:
    """The time in UTC."""
    return _EPOCH + at_us * _MICROSECOND


def said(at_us: int) -> str:
    """As an error says it."""
    return moment(at_us).isoformat().replace("+00:00", "Z")
