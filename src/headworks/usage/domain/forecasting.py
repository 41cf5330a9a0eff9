"""What a period will come to, if things go on as they did lately. An estimate, in whole numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

Period = Literal["day", "week", "month"]

WINDOW_SECONDS: Final = 7 * 86_400
METHOD: Final = (
    "What was used since the period began, and for the time that is left the mean of the last seven days, whole hours, or "
    "of the time since the first use where that is shorter."
)


def period_of(today: date, period: Period) -> tuple[date, date]:
    """Its first day, and the first one after it. Weeks begin on Mondays."""
    if period == "day":
        return today, today + timedelta(days=1)
    if period == "week":
        first = today - timedelta(days=today.weekday())
        return first, first + timedelta(days=7)
    first = today.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def forecast(so_far: int, in_window: int, window_seconds: int, seconds_left: int) -> int:
    """So far, and what is left at the window's pace, half to even."""
    if window_seconds <= 0:
        return so_far
    whole, rest = divmod(in_window * seconds_left, window_seconds)
    half = 2 * rest
    up = half > window_seconds or (half == window_seconds and whole % 2 == 1)
    return so_far + whole + up
