"""The audit trail: entries that are chained by their hashes, so that a change, a gap and a missing end show.

Each context's database has a trail of its own (`kernel.database.trail`). A hash covers a whole entry and the hash before it, and is
made with a key that is not in the database. Who can write there can still put back an older state of all of it: only a head that was
noted elsewhere (an anchor) shows that.
"""

from headworks.kernel.trail.chain import END_CHANGED, Checker, Fault
from headworks.kernel.trail.entry import Entry, Head, encoded, genesis, hash_of
from headworks.kernel.trail.memory import MemoryTrail
from headworks.kernel.trail.signing import TrailKey
from headworks.kernel.trail.writing import entries

__all__ = [
    "END_CHANGED",
    "Checker",
    "Entry",
    "Fault",
    "Head",
    "MemoryTrail",
    "TrailKey",
    "encoded",
    "entries",
    "genesis",
    "hash_of",
]
