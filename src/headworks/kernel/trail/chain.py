"""Checking a chain: entry by entry, then its end against the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from headworks.kernel.trail.entry import Entry, Head, genesis, hash_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.kernel.trail.signing import TrailKey

END_CHANGED: Final = "audit_trail.end_changed"
"""The action of the entry that is written where the kept end of the trail was not the one that Headworks had written."""

Problem = Literal[
    "missing",
    "changed",
    "unlinked",
    "unkeyed",
    "unknown_key",
    "cut",
    "beyond_head",
    "head_changed",
    "end_was_changed",
    "not_the_anchor",
]
"""
missing: entries before this one are gone; changed: the entry is not what was hashed; unlinked: it does not follow the entry
before it; unkeyed: it was written without a key, after others with one; unknown_key: its key is not known here; cut: the end is
gone; beyond_head: it was added past the end; head_changed: the kept end is not the last entry's, or not signed by us;
end_was_changed: it was so when this entry was written; not_the_anchor: the chain was written anew.
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

    def __init__(
        self, context: str, anchors: Mapping[int, str] | None = None, keys: Mapping[str, TrailKey] | None = None
    ) -> None:
        """`anchors`: hashes that were noted elsewhere, by sequence; `keys`: see the field."""
        self.last = genesis(context)
        self.unkeyed = 0
        """Entries from before there were keys."""
        self._anchors = dict(anchors or {})
        self.keys: Mapping[str, TrailKey] = keys or {}
        """Those that may have signed, by id."""
        self._is_keyed = False

    def take(self, entry: Entry) -> Fault | None:
        """The next entry; what is wrong with it."""
        problem = self._problem(entry)
        if problem is not None:
            sequence = self.last.sequence + 1 if problem == "missing" else entry.sequence
            return Fault(sequence, None if problem == "missing" else entry.id, problem)
        self._anchors.pop(entry.sequence, None)
        self._is_keyed = entry.key_id is not None
        self.unkeyed += not self._is_keyed
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
        if head is not None and (head.hash != last.hash or not self._is_ours(head)):
            return Fault(last.sequence, None, "head_changed")
        if self._anchors:
            return Fault(min(self._anchors), None, "cut")
        return None

    def _problem(self, entry: Entry) -> Problem | None:
        """Of everything that must hold, the first that does not."""
        held: tuple[tuple[Problem, bool], ...] = (
            ("missing", entry.sequence == self.last.sequence + 1),
            ("unkeyed", entry.key_id is not None or not self._is_keyed),
            ("unknown_key", entry.key_id is None or entry.key_id in self.keys),
            ("changed", hash_of(entry, self.keys.get(entry.key_id or "")) == entry.hash),
            ("unlinked", entry.previous_hash == self.last.hash),
            ("not_the_anchor", self._anchors.get(entry.sequence, entry.hash) == entry.hash),
            ("end_was_changed", entry.action != END_CHANGED),
        )
        return next((problem for problem, holds in held if not holds), None)

    def _is_ours(self, head: Head) -> bool:
        """A chain without keys has an end without one."""
        if not self._is_keyed:
            return True
        key = self.keys.get(head.key_id or "")
        return key is not None and head.is_signed_by(key)
