"""The durable bus of one process: a small SQLite file, where a message is on disk before it counts as published."""

from headworks.kernel.bus.adapters.sqlite.bus import SqliteBus
from headworks.kernel.bus.adapters.sqlite.tables import SCHEMA

__all__ = ["SCHEMA", "SqliteBus"]
