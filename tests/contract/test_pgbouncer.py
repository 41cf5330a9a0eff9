"""Behind a pooler that keeps sessions, connections are told what they are told without one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from headworks.bootstrap.databases import SCHEMAS
from headworks.kernel.database import EVERYTHING, Address, Database, DatabaseUnavailable, server
from headworks.kernel.database.server_schema import migrate
from headworks.kernel.secrets import Secret
from tests.contract.test_walls import A, B, C, all_of, seen, unaware
from tests.support.databases import LIMITS, Place
from tests.support.schemas import fill
from tests.support.servers import Missing
from tests.support.servers.pgbouncer import PooledPostgresqlServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

(SCHEMA,) = (schema for schema in SCHEMAS if schema.context == "limits")


@pytest.fixture(scope="module")
def pooled() -> Iterator[PooledPostgresqlServer]:
    try:
        server = PooledPostgresqlServer()
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def place(pooled: PooledPostgresqlServer) -> Place:
    address = Address.parse(Secret(pooled.url(pooled.new_database())))
    place = Place(SCHEMA, address=address)

    async def filled() -> None:
        await migrate(address, SCHEMA, LIMITS)
        async with unaware(place) as connection:
            await connection.run_sync(fill, {table.name for table in SCHEMA.metadata.sorted_tables})

    asyncio.run(filled())
    return place


async def told(engine: AsyncEngine, name: str) -> object:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(f"SHOW {name}")).scalar()


async def test_limits_of_time_are_kept(place: Place) -> None:
    assert place.address is not None
    writing, readings = server.writing_engine(place.address, LIMITS), server.reading_engines(place.address, LIMITS)
    for engine, reads_only in ((writing, "off"), *((reading, "on") for reading in readings if reading is not None)):
        assert await told(engine, "statement_timeout") == "1min"
        assert await told(engine, "lock_timeout") == "20s"
        assert await told(engine, "idle_in_transaction_session_timeout") == "2min"
        assert await told(engine, "default_transaction_read_only") == reads_only
        await engine.dispose()


async def test_walls_stand(place: Place) -> None:
    assert place.address is not None
    writing = server.writing_engine(place.address, LIMITS)
    async with writing.connect() as connection:
        assert await seen(connection, SCHEMA) == all_of(SCHEMA), "who says nothing sees nothing"
    await writing.dispose()
    database = place.open()
    for whose in (A, B):
        for door in (database.read, database.moment, database.transaction):
            async with door(whose) as connection:
                assert await seen(connection, SCHEMA) == all_of(SCHEMA, whose)
    async with database.read(EVERYTHING) as connection:
        assert await seen(connection, SCHEMA) == all_of(SCHEMA, A, B, C)
    await database.close()


async def test_a_session_that_went_back_tells_the_next_client_nothing(place: Place) -> None:
    database = place.open()
    async with database.read(A) as connection:
        assert await seen(connection, SCHEMA) == all_of(SCHEMA, A)
    await database.close()
    async with unaware(place) as connection:
        assert await seen(connection, SCHEMA) == all_of(SCHEMA, A, B, C)


async def test_who_only_reads_writes_nothing(place: Place) -> None:
    database: Database = place.open()
    with pytest.raises(DatabaseUnavailable, match="ReadOnlySQLTransactionError"):
        async with database.read(A) as connection:
            await connection.execute(delete(SCHEMA.metadata.sorted_tables[0]))
    await database.close()
