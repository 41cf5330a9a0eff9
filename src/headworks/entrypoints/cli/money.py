"""Amounts and moments as people write and read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.records import record, text
from headworks.kernel.money import parse_usd

if TYPE_CHECKING:
    from headworks.entrypoints.cli.records import Record

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def dollars(option: str, value: str) -> int:
    """Nanodollars of an amount in dollars, exactly. Raises BadUsage."""
    try:
        amount = parse_usd(value)
    except ValueError as error:
        raise BadUsage(f"{option}: {error}.") from error
    if amount <= 0:
        raise BadUsage(f"{option}: an amount must be more than nothing.")
    return amount


def usd(of: Record, field: str) -> str:
    """An amount of an answer."""
    return text(record(of.get(field)), "usd")


def moment(option: str, value: str | None) -> str | None:
    """A day stands for its first moment in UTC. The server judges the rest. Raises BadUsage."""
    if value is None:
        return None
    if _DAY.fullmatch(value):
        return f"{value}T00:00:00Z"
    if "T" not in value:
        raise BadUsage(f"{option}: {value!r} is no time.", "Write it as 2026-01-31 or 2026-01-31T09:30:00Z.")
    return value
