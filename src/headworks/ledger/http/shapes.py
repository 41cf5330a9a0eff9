"""What the ledger's routes share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headworks.kernel.errors import Invalid
from headworks.kernel.moments import micros, moment
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.web import ResponseModel, Timestamp
from headworks.ledger.domain.allowances import LARGEST_BUDGET

LONGEST = 128
LONGEST_MODEL = 256
AMOUNT: dict[str, Any] = {"minimum": 1, "maximum": LARGEST_BUDGET}


class MoneyOut(ResponseModel):
    """An amount."""

    nanodollars: int
    """A dollar is 1000000000."""
    usd: str
    """The same, exactly, in dollars."""


def money(amount: int) -> MoneyOut:
    """As answers show it."""
    return MoneyOut(nanodollars=amount, usd=format_usd(Nanodollars(amount)))


def at(at_us: int) -> Timestamp:
    """As answers show it."""
    return moment(at_us)


def maybe_at(at_us: int | None) -> Timestamp | None:
    """As answers show it."""
    return None if at_us is None else moment(at_us)


def maybe_micros(field: str, given: datetime | None) -> int | None:
    """As the ledger counts it. Raises Invalid for times before 1970."""
    if given is None:
        return None
    found = micros(given)
    if found < 0:
        raise Invalid.field(field, "out_of_range", "must not be before 1970")
    return found
