"""What `kernel.database.Database` promises, on every database; SQLite's own promises are in tests/unit/kernel."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Index, Integer, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from headworks.kernel.contention import TransactionLost
from headworks.kernel.database import (
    EVERYTHING,
    Database,
    DatabaseUnavailable,
    Exact,
    Long,
    Microseconds,
    Schema,
    Sight,
    is_about_rows,
    is_duplicate,
    new_metadata,
)
from tests.support.databases import ENGINES, LIMITS, SERVERS, Databases, Place
from tests.support.peers import listening
from tests.support.servers import KINDS, Missing, Servers
from tests.support.servers.server import PASSWORD, ROLE, Server

metadata = new_metadata()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Exact(64), unique=True),
    Column("at", Microseconds),
    Column("count", BigInteger),
    Column("essay", Long),
    Index(None, "at"),
)
SCHEMA = Schema("things", metadata, "0001")

on_every_database = pytest.mark.parametrize("engine", ENGINES)
on_servers = pytest.mark.parametrize("engine", SERVERS)


@pytest.fixture
def place(engine: str, databases: Databases, tmp_path: Path) -> Place:
    return databases.empty(engine, SCHEMA, tmp_path, takes_turns=False)


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    database = place.open()
    yield database
    await database.close()


@pytest.fixture
async def other(place: Place) -> AsyncIterator[Database]:
    """Another process's."""
    database = place.open()
    yield database
    await database.close()


async def names(database: Database) -> list[str]:
    async with database.read(EVERYTHING) as connection:
        return list(await connection.scalars(select(things.c.name).order_by(things.c.name)))


async def add(database: Database, *wanted: str) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), [{"name": name} for name in wanted])


@on_every_database
async def test_a_transaction_commits_at_its_end_or_leaves_nothing(database: Database) -> None:
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), [{"name": "a"}, {"name": "b"}])
        assert await names(database) == []
    with pytest.raises(LookupError):
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(insert(things).values(name="c"))
            raise LookupError
    assert await names(database) == ["a", "b"]


@on_every_database
async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with database.read(EVERYTHING) as connection:
            await connection.execute(insert(things).values(name="secret-name"))
    assert "secret-name" not in str(caught.value)
    assert await names(database) == []


@on_every_database
async def test_what_the_rows_break_is_for_the_adapter_to_say(database: Database) -> None:
    await add(database, "a")
    with pytest.raises(IntegrityError) as caught:
        await add(database, "a")
    assert is_duplicate(caught.value)


@on_every_database
async def test_a_moment_does_not_see_what_comes_later(database: Database, other: Database) -> None:
    await add(database, "a")
    async with database.moment(EVERYTHING) as connection:
        assert await connection.scalar(select(func.count()).select_from(things)) == 1
        await add(other, "b")
        assert await connection.scalar(select(func.count()).select_from(things)) == 1
    assert await names(database) == ["a", "b"]


@on_every_database
async def test_a_moment_that_fails_leaves_a_connection_that_works(database: Database) -> None:
    for _ in range(2 * LIMITS.connections):
        with pytest.raises(LookupError):
            async with database.moment(EVERYTHING) as connection:
                await connection.execute(select(things))
                raise LookupError
    await add(database, "a")
    assert await names(database) == ["a"]


@on_every_database
async def test_times_and_numbers_come_back_exactly(database: Database) -> None:
    east = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=timezone(timedelta(hours=5)))
    moments = [east, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), None]
    counts = [2**63 - 1, -(2**63), 0, 2**53 + 1]
    rows = [
        {"name": str(number), "at": at, "count": count}
        for number, (at, count) in enumerate(zip(moments, counts, strict=True))
    ]
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things), rows)
    async with database.read(EVERYTHING) as connection:
        found = (await connection.execute(select(things.c.at, things.c.count).order_by(things.c.name))).all()
    assert [tuple(row) for row in found] == list(zip(moments, counts, strict=True))
    assert found[0].at.tzinfo is UTC


@on_every_database
async def test_text_is_equal_byte_for_byte_and_sorts_by_code_point(database: Database) -> None:
    wanted = [
        "A",
        "a",
        "a ",
        "\u00e9",
        "e\u0301",
        "\u00df",
        "ss",
        "Z",
        "_",
        "\U0001f600",
        "\ufb03",
        "%",
        "\\",
        "'",
        "a\tb",
    ]
    await add(database, *wanted)
    assert await names(database) == sorted(wanted)
    async with database.read(EVERYTHING) as connection:
        for name in wanted:
            found = list(await connection.scalars(select(things.c.name).where(things.c.name == name)))
            assert found == [name]


@on_every_database
async def test_long_text_is_kept_whole(database: Database) -> None:
    essay = "\u00fcber \U0001f600 " * 40_000
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name="a", essay=essay))
    async with database.read(EVERYTHING) as connection:
        assert await connection.scalar(select(things.c.essay)) == essay


@on_servers
async def test_text_that_does_not_fit_is_refused_and_not_cut(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        await add(database, "x" * 65)
    assert is_about_rows(caught.value)
    assert await names(database) == []


@on_every_database
async def test_a_sum_beyond_64_bits_is_about_the_row(engine: str, database: Database) -> None:
    if engine == "sqlite":
        pytest.skip("SQLite makes a float of it: the tables that add up have a rule of their own")
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name="a", count=2**63 - 1))
    with pytest.raises(DBAPIError) as caught:
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(update(things).values(count=things.c.count + 1))
    assert is_about_rows(caught.value)


@on_servers
async def test_two_that_wait_for_each_other_are_told_that_one_lost(database: Database, other: Database) -> None:
    await add(database, "a", "b")
    both_have_one = asyncio.Barrier(2)

    async def take(mine: Database, first: str, second: str) -> None:
        async with mine.transaction(EVERYTHING) as connection:
            await connection.execute(update(things).where(things.c.name == first).values(count=1))
            await both_have_one.wait()
            await connection.execute(update(things).where(things.c.name == second).values(count=1))

    results = await asyncio.gather(take(database, "a", "b"), take(other, "b", "a"), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [TransactionLost]


@on_servers
async def test_waiting_for_another_has_an_end(place: Place, database: Database) -> None:
    assert place.address is not None
    impatient = Database.on_server(place.address, SCHEMA, replace(LIMITS, lock_seconds=1), takes_turns=False)
    await add(database, "a")
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(update(things).values(count=1))
        with pytest.raises(DatabaseUnavailable):
            async with impatient.transaction(EVERYTHING) as late:
                await late.execute(update(things).values(count=2))
    await impatient.close()


@on_servers
@pytest.mark.parametrize("limit", ["statement", "block"])
async def test_a_statement_and_a_block_have_an_end(engine: str, place: Place, limit: str) -> None:
    assert place.address is not None
    seconds = 0.5 if limit == "statement" else 0.25
    impatient = Database.on_server(place.address, SCHEMA, replace(LIMITS, statement_seconds=seconds))
    sleep = {"postgresql": "SELECT pg_sleep({})", "mariadb": "SELECT sleep({})"}[engine]
    with pytest.raises(DatabaseUnavailable):
        async with impatient.read(EVERYTHING) as connection:
            if limit == "statement":
                await connection.exec_driver_sql(sleep.format(30))
            while limit == "block":
                await connection.exec_driver_sql(sleep.format(0.05))
    await impatient.ping()
    await impatient.close()


@on_servers
async def test_one_writer_at_a_time_among_all_processes(place: Place) -> None:
    place.takes_turns = True
    one, two = place.open(), place.open()
    order = []
    async with one.transaction(EVERYTHING) as connection:
        await connection.execute(insert(things).values(name="a"))

        async def write() -> None:
            async with two.transaction(EVERYTHING) as later:
                order.append("second in")
                assert await later.scalar(select(func.count()).select_from(things)) == 1

        writing = asyncio.create_task(write())
        await asyncio.wait({writing}, timeout=0.5)
        order.append("first out")
    await writing
    assert order == ["first out", "second in"]
    await one.close()
    await two.close()


@on_servers
async def test_a_process_takes_no_more_connections_than_it_was_given(engine: str, databases: Databases) -> None:
    counted: list[int] = []
    own = await asyncio.to_thread(databases.fresh, engine, SCHEMA)
    assert own.address is not None
    name = own.address.database
    database = own.open()

    async def look(sight: Sight) -> None:
        async with database.read(sight) as connection:
            await connection.execute(select(things))
            counted.append(_connections(databases.servers.get(engine), name))

    async def write() -> None:
        async with database.transaction(EVERYTHING) as connection:
            await connection.execute(select(things))
            await asyncio.gather(*(look(sight) for sight in [EVERYTHING, *"abcdefghi"] * 2))

    await write()
    await asyncio.gather(*(add(database, f"n{number}") for number in range(20)))
    assert max(counted) == LIMITS.connections
    await database.close()


def _connections(server: Server, name: str) -> int:
    if server.scheme == "postgresql":
        question = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'headworks'"  # noqa: S608 - as below
    else:
        question = f"SELECT count(*) FROM information_schema.processlist WHERE db = '{name}'"  # noqa: S608 - a name of ours
    return int(server.run(question))


@on_servers
async def test_a_connection_that_only_reads_is_replaced(engine: str, database: Database) -> None:
    """As after a failover that left it open: it leads to a server which is no primary any more."""
    async with database.transaction(EVERYTHING) as connection:
        alone = "CHARACTERISTICS AS TRANSACTION" if engine == "postgresql" else "TRANSACTION"
        await connection.exec_driver_sql(f"SET SESSION {alone} READ ONLY")
    if engine == "postgresql":
        async with database.transaction(EVERYTHING) as connection:
            await connection.exec_driver_sql("SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailable):
        await add(database, "a")
    await add(database, "b")
    assert await names(database) == ["b"]


@on_servers
async def test_a_server_that_dies_is_an_outage_until_it_is_back(engine: str, tmp_path: Path, log: io.StringIO) -> None:
    try:
        server = KINDS[engine]().start()
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        place = await asyncio.to_thread(Databases(_Only(server)).empty, engine, SCHEMA, tmp_path)
        database = place.open()
        await add(database, "a")
        server.kill()
        for attempt in (names(database), add(database, "b"), database.ping()):
            with pytest.raises(DatabaseUnavailable) as caught:
                await attempt
            for told in (str(caught.value), repr(caught.value), caught.value.detail):
                assert PASSWORD not in told
                assert str(server.port) not in told
                assert ROLE not in told
        server.start()
        await add(database, "c")
        await database.ping()
        assert await names(database) == ["a", "c"]
        await database.close()
    finally:
        server.close()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["database"] for line in lines if line["event"] == "database unavailable"} == {str(place.address)}
    assert PASSWORD not in log.getvalue()


@on_servers
async def test_a_connection_that_is_lost_while_it_is_told_its_settings_is_an_outage(engine: str, place: Place) -> None:
    address = place.address
    assert address is not None
    first = {"postgresql": b"set_config", "mariadb": b"SET SESSION"}[engine]

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(address.host, address.port)

        async def back() -> None:
            while some := await server_reader.read(65_536):
                writer.write(some)

        returning = asyncio.create_task(back())
        try:
            while (some := await reader.read(65_536)) and first not in some:
                server_writer.write(some)
        finally:
            returning.cancel()
            server_writer.close()

    async with listening(break_off) as port:
        database = Database.on_server(replace(address, port=port), SCHEMA, LIMITS)
        for attempt in (names(database), add(database, "a"), database.ping()):
            with pytest.raises(DatabaseUnavailable):
                await attempt
        await database.close()


class _Only(Servers):
    """Servers of which there is one."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def get(self, kind: str) -> Server:
        assert kind == self._server.scheme
        return self._server


@on_servers
async def test_a_cancelled_caller_spoils_nothing_for_the_next(engine: str, database: Database) -> None:
    sleep = text({"postgresql": "SELECT pg_sleep(30)", "mariadb": "SELECT sleep(30)"}[engine])
    for door in (database.read, database.moment, database.transaction):
        started = asyncio.Event()

        async def wait_long(door=door, started=started) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            async with door(EVERYTHING) as connection:
                started.set()
                await connection.execute(sleep)

        task = asyncio.create_task(wait_long())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await add(database, "a")
    assert await names(database) == ["a"]
