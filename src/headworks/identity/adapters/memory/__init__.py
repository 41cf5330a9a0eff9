"""Identity in this process's memory: the twin that the contract tests hold to the same behaviour as SQL."""

from headworks.identity.adapters.memory.store import MemoryStore

__all__ = ["MemoryStore"]
