"""What an organisation's directory told, in this process's memory."""

from headworks.identity.adapters.memory.directory.store import MemoryDirectory

__all__ = ["MemoryDirectory"]
