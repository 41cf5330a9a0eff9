"""Bases for the models of requests and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(_iso, return_type=str, when_used="json")]
"""RFC 3339 with a zone; answers are in UTC and end in `Z`."""


class StrictModel(BaseModel):
    """A request's body: a field that we do not know is refused, so that a misspelt one is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ResponseModel(BaseModel):
    """What an answer shows: only the fields that are listed, filled from attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
