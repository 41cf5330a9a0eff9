"""Amounts and percents as people write and read them, exactly: no float touches either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.records import record, text
from headworks.kernel.money import parse_usd

if TYPE_CHECKING:
    from headworks.entrypoints.cli.records import Record

_PERCENT = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,6})(?:\.(?P<fraction>[0-9]{1,4}))? ?%?", re.ASCII)
_PPM = 10_000
"""Parts per million in a percent."""
_LARGEST = 10_000 * _PPM
_SMALLEST = -100 * _PPM


def dollars(option: str, value: str) -> int:
    """Nanodollars of an amount in dollars, exactly. Raises BadUsage."""
    try:
        amount = parse_usd(value)
    except ValueError as error:
        raise BadUsage(f"{option}: {error}.") from error
    if amount <= 0:
        raise BadUsage(f"{option}: an amount must be more than nothing.", "Write dollars, such as 12.50.")
    return amount


def usd(of: Record, field: str) -> str:
    """An amount of an answer."""
    return text(record(of.get(field)), "usd")


def parts_per_million(option: str, value: str) -> int:
    """Of a percentage on top, exactly: `12.5` is 125000. Raises BadUsage."""
    match = _PERCENT.fullmatch(value)
    if match is None:
        raise BadUsage(
            f"{option}: {value!r} is no percentage.", "Write digits with at most four decimals, such as 12.5 or -10."
        )
    ppm = int(match["whole"]) * _PPM + int((match["fraction"] or "").ljust(4, "0"))
    ppm = -ppm if match["sign"] == "-" else ppm
    if not _SMALLEST <= ppm <= _LARGEST:
        raise BadUsage(f"{option}: {value} is out of range.", "It is -100 (all of it for free) to 10000.")
    return ppm


def percent(ppm: int) -> str:
    """As people read it: `+12.5 %`."""
    sign = "-" if ppm < 0 else "+"
    whole, rest = divmod(abs(ppm), _PPM)
    fraction = f"{rest:04d}".rstrip("0")
    return f"{sign}{whole}{'.' if fraction else ''}{fraction} %"
