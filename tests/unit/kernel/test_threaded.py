"""What takes waiting runs beside the loop, and one connection is used by one at a time whatever is cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, Text, insert, select, text

from headworks.kernel.database import (
    EVERYTHING,
    Database,
    DatabaseUnavailable,
    Schema,
    new_metadata,
    prepare_schema,
    threaded,
)

metadata = new_metadata()
things = Table("things", metadata, Column("id", Integer, primary_key=True), Column("name", Text, unique=True))
MANY = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare_schema(tmp_path / "a.sqlite3", Schema("identity", metadata, "0001"))
    return tmp_path / "a.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = Database.sqlite(path)
    yield database
    await database.close()


async def add(database: Database, name: str) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name=name))


async def names(database: Database) -> list[str]:
    async with database.read(EVERYTHING) as connection:
        return list(await connection.scalars(select(things.c.name).order_by(things.c.id)))


async def test_who_waits_for_anothers_lock_does_not_keep_the_loop(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(add(database, "a"))
        for _ in range(100):
            # Each look-up is answered while the writer waits.
            assert await names(database) == []
        assert not writing.done()
        other.execute("COMMIT")
    await writing
    assert await names(database) == ["a"]


async def test_a_lock_that_stays_is_an_outage(database: Database, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "BUSY_MS", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="try again"):
            await add(database, "a")
        other.execute("COMMIT")
    await add(database, "b")
    assert await names(database) == ["b"]


async def test_a_read_runs_beside_the_loop_and_a_look_up_in_it(database: Database) -> None:
    loops_own = threading.get_ident()
    seen: dict[str, int] = {}

    async def thread_of(name: str) -> None:
        async with database.read(EVERYTHING) if name == "read" else database.look_up(EVERYTHING) as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None
            driver.create_function("here", 0, lambda: seen.setdefault(name, threading.get_ident()) and 1)
            await connection.execute(text("SELECT here()"))

    for name in ("read", "look_up"):
        await thread_of(name)
    assert seen["read"] != loops_own
    assert seen["look_up"] == loops_own


async def test_rows_come_as_they_are_asked_for(database: Database) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), [{"name": str(number)} for number in range(10)])
    async with database.read(EVERYTHING) as connection:
        found = await connection.execute(select(things.c.name).order_by(things.c.id))
        assert found.fetchone() == ("0",)
        assert [row.name for row in found.fetchmany(3)] == ["1", "2", "3"]
        assert [row.name for row in found] == ["4", "5", "6", "7", "8", "9"]
        assert found.fetchall() == []


async def test_a_cancelled_read_leaves_its_connection_usable(database: Database) -> None:
    async def long() -> None:
        async with database.read(EVERYTHING) as connection:
            await connection.execute(MANY)

    for _ in range(6):  # more than there are connections
        task = asyncio.create_task(long())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await names(database) == []


async def test_a_commit_that_is_cancelled_is_whole(database: Database) -> None:
    """It was begun, so it ends; and whoever comes next finds the connection free."""
    for number in range(20):
        task = asyncio.create_task(add(database, f"{number}"))
        for _ in range(number % 5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await add(database, "last")
    assert (await names(database))[-1] == "last"


async def test_a_commit_waits_for_the_disk_in_a_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    elsewhere = threaded._elsewhere

    async def watched(work: Callable[[], object]) -> object:
        def run() -> object:
            threads.append(threading.get_ident())
            return work()

        return await elsewhere(run)

    monkeypatch.setattr(threaded, "_elsewhere", watched)
    await add(database, "a")
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
