"""Gateways as all control planes together know them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from headworks.gateway.domain.roster import REMEMBERED, KnownGateway

SILENT: Final = timedelta(seconds=15)
"""Whose control plane noted nothing for so long went away with it, or cannot reach the database."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A gateway, as the control plane that it asks noted it."""

    gateway: KnownGateway
    control: str
    """Which process of control that is, anew at each start."""
    newest: int
    """The last change that there was, as that one counts."""
    noted_at: datetime
    draining_since: datetime | None = None
    """Since when an operator wants balancers to go elsewhere."""

    @property
    def drained(self) -> bool:
        """Whether it was told, and nothing is open or waits to be sent: it can be ended without anybody's noticing."""
        one = self.gateway
        is_told = self.draining_since is not None and one.said.draining and one.away_since is None
        return is_told and one.said.open_requests == 0 and one.said.waiting_records == 0

    def at(self, moment: datetime) -> Registered | None:
        """As it looks then: away where nobody notes it any more, and None where that is so long ago that it is forgotten."""
        found = self
        if self.gateway.away_since is None and moment - self.noted_at > SILENT:
            away = replace(self.gateway, watching_since=None, away_since=self.noted_at, watches=0)
            found = replace(self, gateway=away)
        away_since = found.gateway.away_since
        return (
            None if away_since is not None and moment - max(away_since, found.gateway.heard_at) > REMEMBERED else found
        )
