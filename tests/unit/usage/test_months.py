"""Months of records: an id is of the month that its milliseconds are of, at every edge."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.kernel.moments import micros
from headworks.usage.domain.months import LEADING, due, first_id, following, month_of, months_of, sensible

moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - with a zone


def id_at(at: datetime, rest: str = 20 * "0") -> str:
    """As the engine makes it."""
    return f"req_{micros(at) // 1_000:012x}{rest}"


@given(moments, st.text("0123456789abcdef", min_size=20, max_size=20))
def test_an_id_lies_between_the_first_of_its_month_and_of_the_next(at: datetime, rest: str) -> None:
    month = month_of(at.date())
    assert first_id(month) <= id_at(at, rest) < first_id(following(month))


@pytest.mark.parametrize(("last", "first"), [((2026, 1, 31), (2026, 2, 1)), ((2025, 12, 31), (2026, 1, 1))])
def test_a_month_ends_with_its_last_millisecond(last: tuple[int, int, int], first: tuple[int, int, int]) -> None:
    begin = datetime(*first, tzinfo=UTC)
    assert id_at(begin - timedelta(milliseconds=1), 20 * "f") < first_id(date(*first)) <= id_at(begin)
    assert following(date(*last).replace(day=1)) == date(*first)


@pytest.mark.parametrize(
    ("at", "months"),
    [
        ("2026-03-03T00:00:00+00:00", ["2026-01", "2026-02", "2026-03", "2026-04"]),
        ("2026-03-31T23:59:59+00:00", ["2026-02", "2026-03", "2026-04"]),
        ("2026-01-01T00:30:00+01:00", ["2025-11", "2025-12", "2026-01"]),
    ],
)
def test_months_are_due_from_the_oldest_time_that_is_believed_to_the_next(at: str, months: list[str]) -> None:
    assert [f"{month:%Y-%m}" for month in due(datetime.fromisoformat(at))] == months


@given(st.lists(moments, min_size=1, max_size=5))
def test_the_first_letters_of_ids_tell_their_months(times: list[datetime]) -> None:
    found = months_of({id_at(at)[:LEADING] for at in times})
    assert {month_of(at.date()) for at in times} <= set(found)
    assert all(any(abs(at.date() - month) < timedelta(days=36) for at in times) for month in found)


def test_letters_that_are_no_number_tell_nothing() -> None:
    assert months_of(["req_zzzzz", "bulk_1234", "req_+1"]) == []


def test_ids_of_clocks_that_were_never_set_are_not_sensible() -> None:
    first, beyond = sensible(datetime(2026, 3, 3, tzinfo=UTC))
    assert id_at(datetime(1970, 1, 1, tzinfo=UTC)) < first < id_at(datetime(2026, 4, 30, tzinfo=UTC)) < beyond
    assert beyond < id_at(datetime(2100, 1, 1, tzinfo=UTC))
