"""What is asked of the trails: lists over all of them, and whether they are whole."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from headworks.audit.contracts import Anchor, Listed, TrailReport
from headworks.kernel.trail import Checker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from headworks.audit.contracts import Entry, Fault, Place, Wanted
    from headworks.audit.ports import TrailReader, Trails

_AT_ONCE = 500


async def newest(trails: Trails, wanted: Wanted, after: Place | None, limit: int) -> list[Listed]:
    """The newest entries of all trails, from behind `after` on."""
    stretches = [
        [Listed(reader.name, entry) for entry in await reader.newest(wanted, after, limit)] for reader in trails.readers
    ]
    merged = heapq.merge(*stretches, key=lambda one: (one.entry.at, one.entry.id), reverse=True)
    return list(islice(merged, limit))


async def everything(trails: Trails, wanted: Wanted) -> AsyncIterator[Listed]:
    """All that is wanted, the newest first, without holding more than a stretch of it."""
    after: Place | None = None
    while True:
        stretch = await newest(trails, wanted, after, _AT_ONCE)
        for one in stretch:
            yield one
        if len(stretch) < _AT_ONCE:
            return
        after = stretch[-1].place


async def heads(trails: Trails) -> list[Anchor]:
    """The end of each trail that was written to."""
    found = [(reader.name, await reader.head()) for reader in trails.readers]
    return [Anchor(name, head.sequence, head.hash) for name, head in found if head is not None]


async def verify(trails: Trails, anchors: Iterable[Anchor] = ()) -> list[TrailReport]:
    """Go through every trail from its beginning, and hold it against what was noted elsewhere."""
    noted = list(anchors)
    return [
        await _checked(reader, {anchor.sequence: anchor.hash for anchor in noted if anchor.trail == reader.name})
        for reader in trails.readers
    ]


async def _checked(reader: TrailReader, anchors: dict[int, str]) -> TrailReport:
    checker = Checker(reader.name, anchors)
    while True:
        # Read before the entries: what is written meanwhile is behind it, so an end that is whole is never past its head.
        head = await reader.head()
        stretch = await reader.following(checker.last.sequence, _AT_ONCE)
        # Read after them: a key that is made meanwhile signed none of these.
        checker.keys = await reader.keys()
        fault = _first_fault(checker, stretch) if stretch else checker.end(head)
        if fault is not None or not stretch:
            return _report(reader.name, checker, fault)


def _first_fault(checker: Checker, stretch: Iterable[Entry]) -> Fault | None:
    return next((fault for entry in stretch if (fault := checker.take(entry)) is not None), None)


def _report(name: str, checker: Checker, fault: Fault | None) -> TrailReport:
    last = checker.last
    return TrailReport(name, last.sequence, checker.unkeyed, Anchor(name, last.sequence, last.hash), fault)
