"""Usage's knobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping


_HOUR_S, _DAY_S = 3_600, 86_400
_MONTHS = 12
"""Of a year."""
TAG_VALUES: Final = 1_000
"""How many values of a tag are told apart, unless it is set."""


class UsageSettings(BaseModel):
    """How long records and roll-ups are kept, how often they are looked after, and what they tell apart. Days are kept for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minute_hours: int = 48
    """For how many hours sums by minute are kept."""
    hour_days: int = 396
    """For how many days sums by hour are kept: thirteen months."""
    record_months: int = 0
    """For how many whole months (UTC), besides the running one, records are kept; 0 for ever."""
    keep_seconds: int = 60
    tag_values: int = TAG_VALUES
    """How many values of a tag, of an organisation and a month, roll-ups tell apart; from the next month on."""

    link_seconds: int = 3_600
    """How long a link to an export in the object store may be used."""

    @property
    def kept(self) -> Mapping[str, int]:
        """For how many seconds, of those that are not kept for ever."""
        return {"minute": self.minute_hours * _HOUR_S, "hour": self.hour_days * _DAY_S}

    def records_from(self, at: datetime) -> datetime | None:
        """Since when records are to be kept, where that is not for ever: the beginning of a month."""
        if self.record_months == 0:
            return None
        months = at.year * _MONTHS + at.month - 1 - self.record_months
        return datetime(months // _MONTHS, months % _MONTHS + 1, 1, tzinfo=UTC)

    def keeps(self, grain: str, start_s: int, now_s: int) -> bool:
        """Whether all of what begins then is still kept."""
        return grain not in self.kept or start_s >= now_s - self.kept[grain]
