"""SQLite's log is copied into its file beside the writers: it stays short, and nothing is lost by it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, Text, insert
from structlog.testing import capture_logs

from headworks.kernel.database import EVERYTHING, Database, Schema, checkpoints, new_metadata, prepare_schema
from headworks.kernel.database.checkpoints import LONGEST_PAGES, Checkpoints, copy_log

metadata = new_metadata()
things = Table("things", metadata, Column("id", Integer, primary_key=True), Column("name", Text))
PAGE_BYTES = 4096
PAGEFUL = "x" * PAGE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare_schema(tmp_path / "a.sqlite3", Schema("identity", metadata, "0001"))
    return tmp_path / "a.sqlite3"


@pytest.fixture(params=[False, True], ids=["thread", "inline"])
async def database(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Database]:
    database = Database.sqlite(path, inline=request.param)
    yield database
    await database.close()


async def add(database: Database, rows: int) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), [{"name": PAGEFUL}] * rows)


async def copied(database: Database) -> None:
    """What is being copied is, to its end."""
    assert database._checkpoints is not None
    await database._checkpoints.close()


def log_bytes(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def log_pages(path: Path) -> int:
    """How many the log has that are not from before it began anew."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def rows_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM things").fetchone()[0])


async def test_the_log_stays_short_however_much_is_written(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_CHANGES", 50)
    monkeypatch.setattr(checkpoints, "_LONG_PAGES", 200)
    for _ in range(40):
        # It is told before it is written, so that what is copied never is all there is.
        await add(database, 50)
        await copied(database)
    assert log_bytes(path) < 400 * PAGE_BYTES
    assert rows_in(path) == 2_000


async def test_a_commit_copies_nothing_unless_the_log_is_far_too_long(database: Database, path: Path) -> None:
    async with database.transaction(EVERYTHING) as connection:
        longest = (await connection.exec_driver_sql("PRAGMA wal_autocheckpoint")).scalar()
    assert longest == LONGEST_PAGES
    before = path.stat().st_size
    for _ in range(400):
        await add(database, 1)
    # Fewer than are worth it, in all.
    assert path.stat().st_size == before
    assert log_bytes(path) > 400 * PAGE_BYTES


def interrupt(monkeypatch: pytest.MonkeyPatch, at: str, what: Callable[[], object]) -> None:
    """Do something just before a step of copying."""

    class Interrupted(sqlite3.Connection):
        def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
            if at in sql:
                what()
            return super().execute(sql)

    def connection(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=Interrupted)

    monkeypatch.setattr(checkpoints, "_connection", connection)


async def test_a_long_log_begins_anew_though_writers_never_pause(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.sqlite(path)
    await add(database, 100)
    pages = log_pages(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        interrupt(monkeypatch, "RESTART", lambda: other.execute("INSERT INTO things (name) VALUES ('in between')"))
        monkeypatch.setattr(checkpoints, "_LONG_PAGES", 100)
        await add(database, 100)
        copy_log(path)
        await add(database, 1)
        assert log_pages(path) < pages
    await database.close()
    assert rows_in(path) == 202


async def test_nobody_begins_the_log_anew_just_before_it_is_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.51.3 may take pages for copied then that are not."""
    database = Database.sqlite(path)
    await add(database, 100)
    pages = log_pages(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # All of it was copied, so that whoever writes next begins it anew.
        other.execute("INSERT INTO things (name) VALUES ('a')")
        assert 0 < log_pages(path) < pages
        await add(database, 100)

        def another_copies_all_and_somebody_writes() -> None:
            nonlocal pages
            _, pages, done = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            assert pages == done
            other.execute("INSERT INTO things (name) VALUES ('in between')")

        interrupt(monkeypatch, "PASSIVE", another_copies_all_and_somebody_writes)
        copy_log(path)
        assert log_pages(path) > pages
    await database.close()
    assert rows_in(path) == 202


async def test_several_of_one_file_get_along(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_CHANGES", 10)
    monkeypatch.setattr(checkpoints, "_LONG_PAGES", 20)
    databases = [Database.sqlite(path, inline=inline) for inline in (False, False, True)]
    for _ in range(20):
        for database in databases:
            await add(database, 10)
    for database in databases:
        await database.close()
    assert rows_in(path) == 600


async def test_what_cannot_be_copied_is_said_and_tried_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_CHANGES", 1)
    gone = path.with_name("gone.sqlite3")
    with capture_logs() as logs:
        copying = Checkpoints(gone)
        for rows in (1, 2):
            copying.changed(rows)
            await copying.close()
    assert [(one["log_level"], one["file"]) for one in logs] == [("warning", "gone.sqlite3")] * 2
    assert not gone.exists()


WRITER = """
import asyncio, os, sys
from pathlib import Path
from sqlalchemy import text
from headworks.kernel.database import EVERYTHING, Database, checkpoints

checkpoints._CHANGES = 7

async def main():
    database = Database.sqlite(Path(sys.argv[1]))
    for number in range(1_000_000):
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(text("INSERT INTO things (id, name) VALUES (:id, 'x')"), {"id": number})
        os.write(1, f"{number}\\n".encode())

asyncio.run(main())
"""


async def test_what_was_committed_outlives_a_kill_while_the_log_is_copied(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603 - our own
        assert writer.stdout is not None
        for _ in range(300):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        told = 300 + len([line for line in writer.stdout.read().split(b"\n")[:-1] if line])
    assert rows_in(path) in {told, told + 1}
