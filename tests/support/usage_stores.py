"""Each adapter of the usage store, fresh and empty."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from headworks.kernel.database import Database, prepare_schema
from headworks.usage.adapters.memory import MemoryStore
from headworks.usage.adapters.sql import SqlStore
from headworks.usage.adapters.tables import SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from headworks.usage.ports import UsageStore

USAGE_STORES: Final = ("sql", "memory")


@asynccontextmanager
async def usage_store(kind: str, folder: Path) -> AsyncIterator[UsageStore]:
    """One of USAGE_STORES, with its database in `folder`."""
    if kind == "memory":
        yield MemoryStore()
        return
    prepare_schema(folder / "usage.sqlite3", SCHEMA)
    database = Database.sqlite(folder / "usage.sqlite3")
    yield SqlStore(database)
    await database.close()
