"""What a transaction tells of itself, the same in every store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.kernel.audit import Change
    from headworks.kernel.events import Publish


@dataclass(frozen=True, slots=True)
class Telling:
    """Events for after the commit, and changes for the trail."""

    publish: Publish
    changes: list[Change] = field(default_factory=list)

    def audit(self, change: Change) -> None:
        """See `ports.Telling`."""
        self.changes.append(change)
