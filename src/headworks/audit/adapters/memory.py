"""A trail of a store in memory: the twin of `sql` for tests. One contract suite runs on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.audit.domain import is_older, is_wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.audit.contracts import Entry, Head, Place, Wanted
    from headworks.kernel.trail import MemoryTrail, TrailKey


class MemoryReader:
    """The port `TrailReader`."""

    def __init__(self, name: str, trail: Callable[[], MemoryTrail]) -> None:
        """`trail` gives what the store holds now: each transaction puts another one in its place."""
        self.name = name
        self._trail = trail

    async def keys(self) -> dict[str, TrailKey]:
        """See `ports.TrailReader`."""
        key = self._trail().key
        return {key.id: key}

    async def head(self) -> Head | None:
        """See `ports.TrailReader`."""
        return self._trail().head

    async def following(self, sequence: int, limit: int) -> list[Entry]:
        """See `ports.TrailReader`."""
        return [entry for entry in self._trail().entries if entry.sequence > sequence][:limit]

    async def newest(self, wanted: Wanted, after: Place | None, limit: int) -> list[Entry]:
        """See `ports.TrailReader`."""
        found = [entry for entry in self._trail().entries if is_wanted(entry, wanted) and is_older(entry, after)]
        return sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[:limit]
