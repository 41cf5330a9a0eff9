"""Moments as people write them, and how long ago they are."""

import re
from datetime import datetime

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.records import Record, text
from headworks.kernel.clock import now

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def moment(option: str, value: str | None) -> str | None:
    """As the API takes it; what is left out stays so. Raises BadUsage."""
    return None if value is None else moment_of(option, value)


def moment_of(option: str, value: str) -> str:
    """As the API takes it. A day stands for its first moment in UTC. Raises BadUsage."""
    written = f"{value}T00:00:00Z" if _DAY.fullmatch(value) else value
    try:
        datetime.fromisoformat(written)
    except ValueError:
        written = ""
    if "T" not in written:
        raise BadUsage(f"{option}: {value!r} is no time.", "Write it as 2026-01-31 or 2026-01-31T09:30:00Z.")
    return written


def age(of: Record, field: str) -> str:
    """How long ago a time of the API is, in its largest unit: `12s`, `5m`, `3h`, `40d`; `-` where there is none."""
    try:
        passed = now() - datetime.fromisoformat(text(of, field))
    except (ValueError, TypeError):
        return "-"
    seconds = max(0, int(passed.total_seconds()))
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), _UNITS[-1])
    return f"{seconds // length}{unit}"
