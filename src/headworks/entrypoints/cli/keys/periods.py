"""Lengths of time as people write them: 30m, 12h, 90d, 52w."""

import re
from datetime import datetime, timedelta

from headworks.entrypoints.cli.failures import BadUsage

_PERIOD = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def expiry(period: str, at: datetime) -> datetime:
    """The moment that lies `period` after `at`. Raises BadUsage."""
    try:
        return at + length(period, "--expires-in")
    except OverflowError:
        raise BadUsage(
            f"--expires-in: {period} is beyond the calendar.", "Leave it out for a key without an end."
        ) from None


def seconds_of(period: str, option: str) -> int:
    """In seconds. Raises BadUsage."""
    return int(length(period, option).total_seconds())


def length(period: str, option: str) -> timedelta:
    """How long it is. Raises BadUsage, with the option that it stands in."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise BadUsage(f"{option}: {period!r} is no period.", "Write a number and m, h, d or w, such as 90d.")
    return int(match["count"]) * _UNITS[match["unit"]]
