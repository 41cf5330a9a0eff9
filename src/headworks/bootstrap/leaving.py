"""Whether balancers are to be told to go elsewhere: an operator ordered it, or this process is about to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.clock import now
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from datetime import datetime

_log = logger(__name__)


@dataclass(slots=True)
class Leaving:
    """Of one gateway. What still comes is served all the same."""

    ordered_since: datetime | None = None
    """None while no operator wants it."""
    ending_since: datetime | None = None
    """None until the process was asked to end."""

    @property
    def is_leaving(self) -> bool:
        """Whether one of them holds."""
        return self.ordered_since is not None or self.ending_since is not None

    @property
    def why(self) -> str:
        """For people; empty where it is not so."""
        if self.ending_since is not None:
            return "ending: what is open is finished, and nothing new should come"
        if self.ordered_since is not None:
            return "drained by an operator, until `headworks gateways undrain`; what still comes is served"
        return ""

    @property
    def since(self) -> datetime | None:
        """Which of them was first."""
        return min(filter(None, (self.ordered_since, self.ending_since)), default=None)

    def order(self, *, drain: bool) -> None:
        """What an operator wants, which the control plane says again and again."""
        if drain and self.ordered_since is None:
            self.ordered_since = now()
            _log.info("an operator has this gateway drained: balancers are told to go elsewhere")
        elif not drain and self.ordered_since is not None:
            self.ordered_since = None
            _log.info("an operator has this gateway serve again")

    def end(self) -> None:
        """The process is about to."""
        self.ending_since = self.ending_since or now()
