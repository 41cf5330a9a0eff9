"""A database that is moved into is held by one mover, is nobody else's, and is not served from before the move has ended."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, inspect, select

from headworks.kernel.database import EVERYTHING, Address, SchemaNotReady, SchemaTooNew, moved, server_schema
from headworks.kernel.database.moving import Occupied, Target
from headworks.kernel.database.moving import target as targets
from headworks.limits.adapters.tables import SCHEMA, limits, revisions
from tests.support.databases import LIMITS, SERVERS, Databases, Place

pytestmark = pytest.mark.parametrize("engine", SERVERS)


@pytest.fixture
def address(engine: str, databases: Databases) -> Address:
    return databases.new(engine)


@pytest.fixture
def target(address: Address, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(targets, "_PATIENCE_SECONDS", 1)
    return Target(address, [SCHEMA], LIMITS)


async def condition(address: Address) -> str:
    return (await server_schema.standing(address, SCHEMA, LIMITS)).condition


async def fill(address: Address) -> None:
    database = Place(SCHEMA, address=address).open()
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(insert(revisions).values(organization_id="org_1", revision=1))
    await database.close()


async def rows(address: Address) -> int:
    async with server_schema.connected(address, LIMITS) as connection:
        return len((await connection.execute(select(revisions))).all())


async def test_nothing_serves_before_the_end(target: Target, address: Address) -> None:
    async with target.held() as connection:
        await target.check(connection)
        assert await condition(address) == "missing"
        await target.prepare(connection)
        assert await condition(address) == "half moved"
        with pytest.raises(SchemaNotReady, match="half moved"):
            await server_schema.check(address, SCHEMA, LIMITS)
        assert await target.moved(connection) == set()
        await fill(address)
        # What is there is its own, so it may go on.
        await target.check(connection)
        await target.prepare(connection)
        await target.end(connection, 1)
        assert await target.moved(connection) == {"limits"}
        assert await condition(address) == "current"
        await server_schema.check(address, SCHEMA, LIMITS)
        # What is complete is not thrown away, whoever asks for it.
        await target.prepare(connection)
        await target.clear(connection)
        assert await rows(address) == 1


async def test_a_copy_that_is_not_complete_can_be_thrown_away(target: Target, address: Address) -> None:
    async with target.held() as connection:
        await target.prepare(connection)
        await fill(address)
        for _ in range(2):
            await target.clear(connection)
        assert await rows(address) == 0
        assert await condition(address) == "half moved"


async def test_one_mover_at_a_time(target: Target) -> None:
    async with target.held():
        with pytest.raises(Occupied, match="Another process is moving"):
            async with target.held():
                pass
    async with target.held():
        pass


async def test_who_is_connected_is_in_the_way(target: Target, address: Address) -> None:
    database = Place(SCHEMA, address=address).open()
    await server_schema.migrate(address, SCHEMA, LIMITS)
    async with database.read(EVERYTHING):
        with pytest.raises(Occupied, match="is in use: 1 connections"):
            async with target.held():
                pass
    await database.close()
    async with target.held():
        pass


async def test_rows_that_no_move_has_put_there_are_in_the_way(target: Target, address: Address) -> None:
    await server_schema.migrate(address, SCHEMA, LIMITS)
    async with target.held() as connection:
        await target.check(connection)
        await fill(address)
        with pytest.raises(Occupied, match="is not empty: limits_revisions has rows, and no move has put them there"):
            await target.check(connection)
        assert await condition(address) == "current"


async def test_a_move_that_another_version_began_is_its_own(target: Target, address: Address) -> None:
    async with target.held() as connection:
        await target.prepare(connection)
        await connection.exec_driver_sql(f"UPDATE {moved.MOVES} SET revision = '0000'")  # noqa: S608 - no input
        await connection.commit()
        told = rf"begun by another version of Headworks \(schema 0000, this one has {SCHEMA.head}\)"
        with pytest.raises(Occupied, match=told):
            await target.check(connection)


async def test_tables_of_others_and_of_newer_versions_are_in_the_way(target: Target, address: Address) -> None:
    async with target.held() as connection:
        await connection.exec_driver_sql(f"CREATE TABLE {limits.name} (id int)")
        await connection.commit()
        with pytest.raises(Occupied, match="a table 'limits' already"):
            await target.check(connection)
        await connection.exec_driver_sql(f"DROP TABLE {limits.name}")
        await connection.commit()
        await server_schema.migrate(address, SCHEMA, LIMITS)
        await connection.exec_driver_sql(f"UPDATE {SCHEMA.version_table} SET version_num = '9999'")  # noqa: S608 - no input
        await connection.exec_driver_sql(f"UPDATE {server_schema.NOTES} SET serves = '9999'")  # noqa: S608 - no input
        await connection.commit()
        with pytest.raises(SchemaTooNew):
            await target.check(connection)
        assert moved.MOVES not in await connection.run_sync(lambda found: inspect(found).get_table_names())
