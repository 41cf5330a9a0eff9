"""What is asked of the audit trail, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.trail import Entry, Fault, Head

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Anchor", "Entry", "Fault", "Head", "Listed", "Place", "TrailReport", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; None asks for all."""

    organization_id: str | None = None
    actor_id: str | None = None
    action: str | None = None
    """Exactly, or all of a noun: `key.*`."""
    resource_type: str | None = None
    resource_id: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of all trails: entries are in the order of their times, then of their ids."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry, and the trail that it is of."""

    trail: str
    entry: Entry

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(self.entry.at, self.entry.id)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A hash that was noted outside the database: `identity:42:ab12…`, as the log has it."""

    trail: str
    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.trail}:{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What checking one trail found."""

    trail: str
    entries: int
    """How many were checked: all, or those before the fault."""
    unkeyed: int
    """How many of them are from before there were keys: whoever could write to the database then could have written them."""
    anchor: Anchor
    """The last entry that holds; worth noting elsewhere where there is no fault."""
    fault: Fault | None
