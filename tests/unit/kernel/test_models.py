"""What a field of a request takes, and what it does not take for something else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from headworks.kernel.web import Day, StrictModel, Timestamp, Whole


class Body(StrictModel):
    at: Timestamp | None = None
    day: Day | None = None
    count: Whole | None = None


def test_times_are_written_out() -> None:
    body = Body.model_validate_json('{"at": "2026-01-31T09:30:00+02:00", "day": "2026-01-31"}')
    assert body.at == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)
    assert body.day == date(2026, 1, 31)


@pytest.mark.parametrize("field", ["at", "day"])
@pytest.mark.parametrize(
    "value", ["0", "0.5", "2026", '"0"', '"2026"', '"1e9"', '" 5 "', '"-1"', "true", '"inf"', '"NaN"']
)
def test_a_number_is_no_time(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate_json(f'{{"{field}": {value}}}')


@pytest.mark.parametrize(("value", "whole"), [("140", 140), ("140.0", 140), ("-0.0", 0), ("1e2", 100)])
def test_a_whole_number_may_be_written_in_several_ways(value: str, whole: int) -> None:
    assert Body.model_validate_json(f'{{"count": {value}}}').count == whole


@pytest.mark.parametrize("value", ["1.5", '"1"', "true", "false", "[]", "{}", "1e400"])
def test_what_is_no_whole_number_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate_json(f'{{"count": {value}}}')
