"""The audit trail: entries that are chained by their hashes, so that a change, a gap and a missing end show.

Each context's database has a trail of its own (`kernel.database.trail`). A hash covers a whole entry and the hash before it. Who
can write to the database can write a whole new chain: only a head that was noted elsewhere (an anchor) shows that.
"""

from headworks.kernel.trail.chain import Checker, Fault
from headworks.kernel.trail.entry import Entry, Head, encoded, genesis, hash_of
from headworks.kernel.trail.memory import MemoryTrail
from headworks.kernel.trail.writing import entries

__all__ = ["Checker", "Entry", "Fault", "Head", "MemoryTrail", "encoded", "entries", "genesis", "hash_of"]
