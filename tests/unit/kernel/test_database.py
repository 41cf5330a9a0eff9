from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from headworks.kernel.database import (
    EVERYTHING,
    Database,
    DatabaseUnavailable,
    Microseconds,
    Schema,
    SchemaTooNew,
    SchemaUnreadable,
    new_metadata,
    prepare_schema,
)
from headworks.kernel.database.schema import stored_revision

metadata = new_metadata()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, unique=True),
    Column("at", Microseconds),
)
SCHEMA = Schema("identity", metadata, "0001")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare_schema(tmp_path / "a.sqlite3", SCHEMA)
    return tmp_path / "a.sqlite3"


@pytest.fixture(params=[False, True], ids=["thread", "inline"])
async def database(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Database]:
    database = Database.sqlite(path, inline=request.param)
    yield database
    await database.close()


async def names(database: Database) -> list[str]:
    async with database.read(EVERYTHING) as connection:
        return list(await connection.scalars(select(things.c.name).order_by(things.c.id)))


async def test_a_transaction_commits_at_its_end(database: Database) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), [{"name": "a"}, {"name": "b"}])
        assert await names(database) == []
    assert await names(database) == ["a", "b"]


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(insert(things).values(name="a"))
            raise RuntimeError
    assert await names(database) == []
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name="b"))
    assert await names(database) == ["b"]


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with database.read(EVERYTHING) as connection:
            await connection.execute(insert(things).values(name="secret-name"))
    assert "readonly" in caught.value.detail
    assert "secret-name" not in caught.value.detail
    assert await names(database) == []


async def test_what_the_rows_break_is_for_the_adapter_to_say(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(insert(things), [{"name": "a"}, {"name": "a"}])


async def test_a_broken_file_is_an_outage(database: Database, path: Path) -> None:
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(DatabaseUnavailable):
        await database.ping()


async def test_times_are_exact_and_in_utc(database: Database) -> None:
    east = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=timezone(timedelta(hours=5)))
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name="a", at=east))
        await connection.execute(insert(things).values(name="b", at=None))
    async with database.read(EVERYTHING) as connection:
        found = list(await connection.scalars(select(things.c.at).order_by(things.c.id)))
    assert found == [east, None]
    assert found[0].tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(insert(things).values(name="a", at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_a_commit_survives_the_loss_of_power(database: Database) -> None:
    async with database.transaction(EVERYTHING) as connection:
        assert await connection.scalar(select(1)) == 1
        full = 2
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == full
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1


def test_a_schema_is_prepared_once(path: Path) -> None:
    assert stored_revision(path, SCHEMA) == "0001"
    prepare_schema(path, SCHEMA)
    assert stored_revision(path, SCHEMA) == "0001"


def test_a_new_file_keeps_a_log_ahead_of_itself(path: Path) -> None:
    """Whoever opens it while another process writes could not switch to it any more."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_damaged_file_is_named(path: Path) -> None:
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(SchemaUnreadable, match=str(path)):
        prepare_schema(path, SCHEMA)


def test_data_of_a_newer_version_is_not_touched(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SchemaTooNew, match="newer version"):
        prepare_schema(path, SCHEMA)
    assert stored_revision(path, SCHEMA) == "9999"
