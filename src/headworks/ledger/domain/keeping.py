"""Time before the moment from which on records are kept: the sums of whole days (UTC) stand for it."""

from __future__ import annotations

from typing import Final

from headworks.ledger.contracts import Period

_DAY_US: Final = 86_400_000_000


def before(period: Period, kept_from_us: int) -> Period | None:
    """The part of a period that lies before then."""
    if period.start_us >= kept_from_us:
        return None
    return Period(period.start_us, kept_from_us if period.end_us is None else min(period.end_us, kept_from_us))


def since(period: Period, kept_from_us: int) -> Period | None:
    """The part of a period that begins then, or later."""
    if period.end_us is not None and period.end_us <= kept_from_us:
        return None
    return Period(max(period.start_us, kept_from_us), period.end_us)


def is_whole(period: Period, kept_from_us: int) -> bool:
    """Whether what lies before then is whole days, so that their sums are exact."""
    part = before(period, kept_from_us)
    return part is None or (part.start_us % _DAY_US, (part.end_us or 0) % _DAY_US) == (0, 0)
