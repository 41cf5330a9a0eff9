"""Checking a chain: entry by entry, then its end against the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headworks.kernel.trail.entry import Entry, Head, genesis, hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Problem = Literal["missing", "changed", "unlinked", "cut", "beyond_head", "head_changed", "not_the_anchor"]
"""
missing: entries before this one are gone; changed: the entry is not what was hashed; unlinked: it does not follow the entry
before it; cut: the end is gone; beyond_head: it was added past the end; head_changed: the kept end is not the last entry's;
not_the_anchor: the chain was written anew.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where a chain does not hold."""

    sequence: int
    entry_id: str | None
    """None where there is no entry any more."""
    problem: Problem


class Checker:
    """Goes through one chain, in order. After its first fault it takes no more."""

    def __init__(self, context: str, anchors: Mapping[int, str] | None = None) -> None:
        """`anchors`: hashes that were noted elsewhere, by sequence."""
        self.last = genesis(context)
        self._anchors = dict(anchors or {})

    def take(self, entry: Entry) -> Fault | None:
        """The next entry; what is wrong with it."""
        problem = self._problem(entry)
        if problem is not None:
            sequence = self.last.sequence + 1 if problem == "missing" else entry.sequence
            return Fault(sequence, None if problem == "missing" else entry.id, problem)
        self._anchors.pop(entry.sequence, None)
        self.last = Head(entry.sequence, entry.hash)
        return None

    def end(self, head: Head | None) -> Fault | None:
        """After the last entry: what the kept head says against it. None is a trail that was never written to."""
        last = self.last
        kept = head.sequence if head is not None else 0
        if kept > last.sequence:
            return Fault(last.sequence + 1, None, "cut")
        if kept < last.sequence:
            return Fault(kept + 1, None, "beyond_head")
        if head is not None and head.hash != last.hash:
            return Fault(last.sequence, None, "head_changed")
        if self._anchors:
            return Fault(min(self._anchors), None, "cut")
        return None

    def _problem(self, entry: Entry) -> Problem | None:
        if entry.sequence != self.last.sequence + 1:
            return "missing"
        if hash_of(entry) != entry.hash:
            return "changed"
        if entry.previous_hash != self.last.hash:
            return "unlinked"
        if self._anchors.get(entry.sequence, entry.hash) != entry.hash:
            return "not_the_anchor"
        return None
