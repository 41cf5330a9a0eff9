"""Bases for the models of requests and answers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_NUMBER = re.compile(
    r"\s*[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\s*|\s*[+-]?(?:inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE
)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_number(value: object) -> object:
    """Pydantic takes a number, or the text of one, for seconds since 1970: nobody who sends 2026 means that."""
    is_number = isinstance(value, (int, float)) or (isinstance(value, str) and _NUMBER.fullmatch(value))
    if is_number:
        message = "must be written out, such as 2026-01-31 for a day or 2026-01-31T09:30:00Z for a time"
        raise ValueError(message)
    return value


Timestamp = Annotated[
    AwareDatetime, BeforeValidator(_no_number), PlainSerializer(_iso, return_type=str, when_used="json")
]
"""RFC 3339 with a zone; answers are in UTC and end in `Z`."""


def _only_number(value: object) -> object:
    """JSON knows no integers: 140.0 is one. Text and booleans, which Pydantic would take too, are none."""
    if isinstance(value, (str, bytes, bool)):
        message = "must be a whole number"
        raise ValueError(message)  # noqa: TRY004 - Pydantic turns this one into a field's error
    return value


Whole = Annotated[int, BeforeValidator(_only_number)]
"""A whole number of a request's body."""

Day = Annotated[date, BeforeValidator(_no_number)]
"""A day of a request, as 2026-01-31."""


class StrictModel(BaseModel):
    """A request's body: a field that we do not know is refused, so that a misspelt one is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ResponseModel(BaseModel):
    """What an answer shows: only the fields that are listed, filled from attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
