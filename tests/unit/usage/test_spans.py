from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.errors import Invalid
from headworks.usage.domain.exporting import csv_line
from headworks.usage.domain.forecasting import forecast, period_of
from headworks.usage.domain.rollups import SECONDS
from headworks.usage.domain.spans import check_kept, midnight_s, span, zone_of
from headworks.usage.settings import UsageSettings

NOW = datetime(2026, 3, 15, 9, 30, 20, tzinfo=UTC)
UTC_ZONE = zone_of("UTC")


def days(begin: date | None, end: date | None) -> tuple[date, date]:
    found = span(begin, end, UTC_ZONE, (), NOW)
    return found.first_day, found.last_day


def test_days_are_included_and_thirty_when_left_out() -> None:
    today = NOW.date()
    assert days(None, None) == (date(2026, 2, 14), today)
    assert days(date(2026, 3, 1), None) == (date(2026, 3, 1), today)
    assert days(date(2026, 4, 1), None) == (date(2026, 4, 1), date(2026, 4, 1))
    assert days(None, date(2026, 1, 30)) == (date(2026, 1, 1), date(2026, 1, 30))
    found = span(date(2026, 3, 14), date(2026, 3, 14), UTC_ZONE, (), NOW)
    assert (found.until_s - found.from_s, found.from_s - found.previous_from_s) == (86_400, 86_400)


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "out_of_order"),
        (date(1, 1, 1), None, "out_of_range"),
        (None, date(9999, 12, 31), "out_of_range"),
        (date(1970, 1, 1), date(2200, 1, 1), "too_long"),
        (date(2026, 3, 1), datetime(2026, 3, 2, tzinfo=UTC), "mixed"),
        (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), "out_of_order"),
        (datetime(2026, 3, 2, 0, 0, 1, tzinfo=UTC), None, "not_whole"),
        (datetime(1, 1, 1, tzinfo=UTC), None, "out_of_range"),
        (datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), "too_long"),
    ],
)
def test_what_cannot_be_meant(begin: date | None, end: date | None, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        span(begin, end, UTC_ZONE, (), NOW)
    assert [detail.code for detail in refused.value.details] == [code]


@pytest.mark.parametrize(
    ("zone", "group_by", "grain"),
    [
        ("UTC", (), "day"),
        ("UTC", ("day",), "day"),
        ("UTC", ("hour", "day"), "hour"),
        ("UTC", ("minute",), "minute"),
        ("Europe/Berlin", ("day",), "hour"),
        ("Asia/Kolkata", ("day",), "minute"),
    ],
)
def test_the_coarsest_sums_that_will_do(zone: str, group_by: tuple[str, ...], grain: str) -> None:
    assert span(date(2026, 3, 1), date(2026, 3, 2), zone_of(zone), group_by, NOW).grain == grain


def test_sums_that_are_gone_are_not_asked_for() -> None:
    settings, now_s = UsageSettings(), int(NOW.timestamp())
    recent = span(date(2026, 3, 14), None, UTC_ZONE, ("minute",), NOW)
    check_kept(recent, settings, now_s, compares=False)
    with pytest.raises(Invalid, match="48 hours"):
        check_kept(recent, settings, now_s, compares=True)
    with pytest.raises(Invalid, match="48 hours"):
        check_kept(span(date(2026, 3, 1), None, UTC_ZONE, ("minute",), NOW), settings, now_s, compares=False)


def test_clocks_that_change() -> None:
    found = span(date(2026, 3, 28), date(2026, 3, 30), ZoneInfo("Europe/Berlin"), ("day",), NOW)
    change_s = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    assert found.offsets == ((found.previous_from_s, 3_600), (change_s, 7_200))
    assert (found.until_s - found.from_s) // 3_600 == 71


@pytest.mark.parametrize("name", ["Mars/Olympus", "europe/berlin", "../etc/passwd", "", "\x00"])
def test_zones_that_are_none(name: str) -> None:
    with pytest.raises(Invalid):
        zone_of(name)


@given(
    st.dates(date(1980, 1, 1), date(2100, 1, 1)), st.sampled_from(["Africa/Cairo", "America/Sao_Paulo", "Asia/Tokyo"])
)
def test_days_begin_when_clocks_first_show_them(day: date, name: str) -> None:
    at_s = midnight_s(ZoneInfo(name), day)
    shown = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(name)).date()
    before = datetime.fromtimestamp(at_s - 1, UTC).astimezone(ZoneInfo(name)).date()
    assert before < shown == day


def test_periods() -> None:
    sunday = date(2026, 3, 15)
    assert period_of(sunday, "day") == (sunday, date(2026, 3, 16))
    assert period_of(sunday, "week") == (date(2026, 3, 9), date(2026, 3, 16))
    assert period_of(sunday, "month") == (date(2026, 3, 1), date(2026, 4, 1))
    assert period_of(date(2026, 12, 31), "month") == (date(2026, 12, 1), date(2027, 1, 1))


def test_a_forecast_goes_on_at_the_pace_that_was() -> None:
    hour, day = SECONDS["hour"], SECONDS["day"]
    assert forecast(100, 70, 7 * day, 3 * day) == 130
    assert forecast(100, 70, 0, 3 * day) == 100
    assert forecast(2**62, 2**62, day, day) == 2**63, "exact, whatever its size"
    assert [forecast(0, wanted, 2 * hour, hour) for wanted in (1, 3, 5)] == [0, 2, 2], "half to even"


def test_no_text_is_a_formula() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
        assert csv_line([text, 1]).lstrip('"').startswith("'"), text
    assert csv_line(["a,b", 'say "x"', None, True, -5, 2**70]) == f'"a,b","say ""x""",,true,-5,{2**70}\r\n'
    assert csv_line([datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 2)]) == (
        "2026-01-02T03:00:00.000000Z,2026-01-02\r\n"
    )
