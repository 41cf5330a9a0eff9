"""The ledger in memory: the twin of `sql` for tests. One contract suite runs on both."""

from headworks.ledger.adapters.memory.ledger import MemoryLedger

__all__ = ["MemoryLedger"]
