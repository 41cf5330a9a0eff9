"""Each adapter of the usage store with the ledger that settles what it stores, fresh and empty."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headworks.kernel.database import Database, prepare_schema
from headworks.ledger.adapters.memory import MemoryLedger
from headworks.ledger.adapters.sql import SqlLedger
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.ledger.facade import Bookkeeper
from headworks.usage.adapters.memory import MemoryStore
from headworks.usage.adapters.memory_records import MemoryRecordTables
from headworks.usage.adapters.sql import SqlStore
from headworks.usage.adapters.sql.records import SqlRecordTables
from headworks.usage.adapters.tables import SCHEMA
from headworks.usage.settings import TAG_VALUES
from tests.support.events import Overheard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from headworks.ledger.ports import Ledger
    from headworks.usage.ports import UsageStore

USAGE_STORES: Final = ("sql", "memory")


@dataclass
class Accounting:
    """Usage and the ledger, in one place."""

    usage: UsageStore
    ledger: Ledger
    told: list[object] = field(default_factory=list)
    """What the ledger published."""


def accounting_in_memory(tag_values: int = TAG_VALUES) -> Accounting:
    """Both twins."""
    told: list[object] = []
    records = MemoryRecordTables()
    ledger = MemoryLedger(records, told.append)
    usage = records.store = MemoryStore(Bookkeeper(ledger), tag_values)
    return Accounting(usage, ledger, told)


def accounting_on(database: Database, tag_values: int = TAG_VALUES) -> Accounting:
    """Both on a database that has the tables of both."""
    told: list[object] = []
    ledger = SqlLedger(database, SqlRecordTables(tag_values), Overheard(told))
    return Accounting(SqlStore(database, Bookkeeper(ledger), tag_values), ledger, told)


def memory_usage() -> MemoryStore:
    """The twin alone."""
    usage = accounting_in_memory().usage
    assert isinstance(usage, MemoryStore)
    return usage


def sql_usage(database: Database, tag_values: int = TAG_VALUES) -> SqlStore:
    """The store alone."""
    usage = accounting_on(database, tag_values).usage
    assert isinstance(usage, SqlStore)
    return usage


def prepare_usage(path: Path) -> Database:
    """A new file with the tables of both."""
    prepare_schema(path, SCHEMA)
    prepare_schema(path, LEDGER)
    return Database.sqlite(path)


@asynccontextmanager
async def accounting(kind: str, folder: Path, tag_values: int = TAG_VALUES) -> AsyncIterator[Accounting]:
    """One of USAGE_STORES, with its database in `folder`."""
    if kind == "memory":
        yield accounting_in_memory(tag_values)
        return
    database = prepare_usage(folder / "usage.sqlite3")
    yield accounting_on(database, tag_values)
    await database.close()


@asynccontextmanager
async def usage_store(kind: str, folder: Path) -> AsyncIterator[UsageStore]:
    """The store alone."""
    async with accounting(kind, folder) as both:
        yield both.usage
