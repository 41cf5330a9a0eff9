"""A trail in memory: the twin of `kernel.database.trail`, for stores in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headworks.kernel.clock import now
from headworks.kernel.origin import origin
from headworks.kernel.trail.entry import Entry, Head, genesis
from headworks.kernel.trail.signing import TrailKey
from headworks.kernel.trail.writing import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headworks.kernel.audit import Change


class MemoryTrail:
    """The entries of one context. Whoever works on a copy of its store works on a `copy` of this too."""

    def __init__(self, context: str, kept: Iterable[Entry] = (), key: TrailKey | None = None) -> None:
        self.context = context
        self.entries = list(kept)
        self.key = key or TrailKey("memory", os.urandom(32))

    def copy(self) -> MemoryTrail:
        """The same entries, to be appended to alone."""
        return MemoryTrail(self.context, self.entries, self.key)

    @property
    def head(self) -> Head | None:
        """The end; None where nothing was written yet."""
        return Head(self.entries[-1].sequence, self.entries[-1].hash).signed(self.key) if self.entries else None

    def append(self, changes: Sequence[Change], organization_id: str | None) -> None:
        """As `kernel.database.trail.Trail.append`."""
        head = self.head or genesis(self.context)
        self.entries += entries(head, changes, origin(), organization_id, now(), self.key)
