"""Periods between local midnights: whatever clocks have done there, they follow each other without gap or overlap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.kernel.moments import micros, moment
from headworks.kernel.zones import local_date, midnight_us
from headworks.ledger.contracts import Period, PeriodKind
from headworks.ledger.domain.periods import Calendar, checked_anchor

ZONES = sorted(available_timezones())
FIRST, LAST = micros(datetime(1970, 1, 2, tzinfo=UTC)), micros(datetime(2100, 1, 1, tzinfo=UTC))
HOUR_US = 3_600_000_000
LARGEST = {"day": 1, "week": 7, "month": 31, "total": 1}


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    kind: PeriodKind = draw(st.sampled_from(get_args(PeriodKind)))
    return Calendar(kind, draw(st.sampled_from(ZONES)), draw(st.integers(1, LARGEST[kind])))


def at(zone: str, *wall: int, fold: int = 0) -> int:
    return micros(datetime(*wall, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC))  # type: ignore[arg-type,misc]


def shown(period: Period) -> tuple[str, str]:
    assert period.end_us is not None
    return moment(period.start_us).isoformat(), moment(period.end_us).isoformat()


@settings(max_examples=400)
@given(calendars(), st.integers(FIRST, LAST))
@example(Calendar("day", "Pacific/Apia", 1), at("UTC", 2011, 12, 30, 12))
@example(Calendar("day", "Africa/Cairo", 1), at("UTC", 2024, 4, 25, 22))
@example(Calendar("day", "America/Havana", 1), at("UTC", 2024, 11, 3, 5, 30))
@example(Calendar("day", "America/St_Johns", 1), at("UTC", 2006, 10, 29, 2, 40))
@example(Calendar("month", "America/Sao_Paulo", 21), at("UTC", 2018, 11, 4, 3))
def test_periods_tile_time(calendar: Calendar, at_us: int) -> None:
    period = calendar.around(at_us)
    assert period.holds(at_us)
    assert calendar.starting(period.start_us) == period
    if period.end_us is None:
        assert (calendar.kind, period) == ("total", Period(0, None))
        return
    assert period.start_us < period.end_us
    for inside in (period.start_us, (period.start_us + period.end_us) // 2, period.end_us - 1):
        assert calendar.around(inside) == period
    following = calendar.around(period.end_us)
    assert following.start_us == period.end_us
    before = calendar.around(period.start_us - 1)
    assert before.end_us == period.start_us


@settings(max_examples=200)
@given(st.sampled_from(ZONES), st.dates(date(1970, 1, 2), date(2100, 1, 1)))
def test_a_day_begins_when_clocks_first_show_its_date(zone: str, day: date) -> None:
    begin = midnight_us(zone, day)
    assert local_date(zone, begin) >= day
    assert local_date(zone, begin - 1) < day
    assert begin <= midnight_us(zone, day + timedelta(days=1))


@settings(max_examples=100)
@given(calendars(), st.integers(FIRST, LAST))
def test_a_period_is_as_long_as_it_should_be(calendar: Calendar, at_us: int) -> None:
    period = calendar.around(at_us)
    if period.end_us is None:
        return
    hours = (period.end_us - period.start_us) / HOUR_US
    # A zone has skipped or repeated a whole day where it crossed the date line.
    least, most = {"day": (0, 48), "week": (144, 192), "month": (27 * 24, 32 * 24)}[calendar.kind]
    assert least < hours <= most


def test_days_of_daylight_saving_are_shorter_and_longer() -> None:
    berlin = Calendar("day", "Europe/Berlin", 1)
    assert shown(berlin.around(at("Europe/Berlin", 2026, 3, 29, 12))) == (
        "2026-03-28T23:00:00+00:00",
        "2026-03-29T22:00:00+00:00",
    )
    assert shown(berlin.around(at("Europe/Berlin", 2026, 10, 25, 2, 30, fold=1))) == (
        "2026-10-24T22:00:00+00:00",
        "2026-10-25T23:00:00+00:00",
    )


def test_a_midnight_that_no_clock_shows_is_the_jump() -> None:
    # In Cairo clocks went from 24:00 to 1:00; the day begins with the jump, at 22:00 UTC.
    assert moment(midnight_us("Africa/Cairo", date(2024, 4, 26))).isoformat() == "2024-04-25T22:00:00+00:00"


def test_a_midnight_that_comes_twice_is_the_first() -> None:
    # In Havana clocks go from 1:00 back to 0:00: the day has 25 hours, and begins at the first midnight.
    assert moment(midnight_us("America/Havana", date(2024, 11, 3))).isoformat() == "2024-11-03T04:00:00+00:00"
    day = Calendar("day", "America/Havana", 1).around(at("America/Havana", 2024, 11, 3, 0, 30, fold=1))
    assert shown(day) == ("2024-11-03T04:00:00+00:00", "2024-11-04T05:00:00+00:00")


def test_a_clock_that_goes_back_over_midnight_does_not_bring_yesterday_back() -> None:
    # In Newfoundland clocks went from 0:01 back to 23:01.
    day = Calendar("day", "America/St_Johns", 1).around(at("UTC", 2006, 10, 29, 2, 40))
    assert local_date("America/St_Johns", at("UTC", 2006, 10, 29, 2, 40)) == date(2006, 10, 28)
    assert shown(day) == ("2006-10-29T02:30:00+00:00", "2006-10-30T03:30:00+00:00")


def test_a_day_that_a_zone_left_out_is_no_period() -> None:
    # Samoa went from the 29th to the 31st of December.
    assert midnight_us("Pacific/Apia", date(2011, 12, 30)) == midnight_us("Pacific/Apia", date(2011, 12, 31))
    before = Calendar("day", "Pacific/Apia", 1).around(at("UTC", 2011, 12, 30, 9, 59))
    after = Calendar("day", "Pacific/Apia", 1).around(at("UTC", 2011, 12, 30, 10))
    assert before.end_us == after.start_us == at("UTC", 2011, 12, 30, 10)


@pytest.mark.parametrize(
    ("calendar", "when", "wanted"),
    [
        (Calendar("week", "UTC", 1), (2026, 1, 4), ("2025-12-29", "2026-01-05")),
        (Calendar("week", "UTC", 7), (2026, 1, 4), ("2026-01-04", "2026-01-11")),
        (Calendar("month", "UTC", 31), (2026, 2, 27), ("2026-01-31", "2026-02-28")),
        (Calendar("month", "UTC", 31), (2026, 2, 28), ("2026-02-28", "2026-03-31")),
        (Calendar("month", "UTC", 29), (2028, 2, 29), ("2028-02-29", "2028-03-29")),
        (Calendar("month", "UTC", 15), (2026, 1, 1), ("2025-12-15", "2026-01-15")),
    ],
)
def test_anchors(calendar: Calendar, when: tuple[int, int, int], wanted: tuple[str, str]) -> None:
    found = shown(calendar.around(at("UTC", *when)))
    assert tuple(one[:10] for one in found) == wanted


def test_what_begins_no_period_is_none() -> None:
    assert Calendar("day", "UTC", 1).starting(1) is None
    assert Calendar("total", "UTC", 1).starting(1) is None
    assert Calendar("total", "UTC", 1).starting(0) == Period(0, None)


@pytest.mark.parametrize(
    ("kind", "anchor"), [("day", 2), ("week", 0), ("week", 8), ("month", 32), ("month", -1), ("total", 3)]
)
def test_anchors_that_make_no_sense(kind: PeriodKind, anchor: int) -> None:
    with pytest.raises(Invalid, match="anchor"):
        checked_anchor(kind, anchor)
    assert checked_anchor(kind, None) == 1
