"""The second wall between organisations, on PostgreSQL: around every table that says whose a row is, whatever a statement forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import Select, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from headworks.bootstrap.databases import SCHEMAS
from headworks.bootstrap.databases import Databases as Places
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import load_settings
from headworks.catalog.contracts import INSTALLATION
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.identity.adapters.tables import TRAIL, keys, projects
from headworks.kernel.audit import Change
from headworks.kernel.database import EVERYTHING, Address, Database, Schema, server
from headworks.kernel.database.server_schema import standing
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Secret
from headworks.kernel.telemetry import configure_logs
from headworks.limits.adapters.tables import SCHEMA as LIMITS_SCHEMA
from tests.support.databases import LIMITS, Databases, Place
from tests.support.schemas import fill
from tests.support.servers import PostgresqlServer

OTHERWISE = {"organizations": "id", "prices": "owner", "revisions": "scope"}
"""Which column says whose a row is, where it is not `organization_id`."""
WITHOUT = {
    # Reached by what has a wall.
    *("model_targets", "ledger_entries", "usage_events", "usage_group_tags"),
    *("usage_minutes", "usage_hours", "usage_days"),
    # Of people, who may belong to several organisations.
    *("users", "passwords", "second_factors", "recovery_codes", "refresh_tokens", "sign_in_attempts"),
    # Of the installation.
    *("signing_keys", "gateways", "gateway_drains"),
    *("usage_sources", "usage_turns", "usage_pending_days", "rejected_events"),
    *(
        f"{context}_{name}"
        for context in ("identity", "catalog", "limits", "ledger")
        for name in ("announcements", "announcements_head", "audit_head", "audit_keys", "replies")
    ),
}
"""A new table gets a wall, or a place and a reason here: docs/decisions/0024-row-level-security.md."""
REFUSED = "42501"
A, B, C = "0", "1", "2"
"""Whose the rows of `fill` are."""


def owner(table: Table) -> str:
    return OTHERWISE.get(table.name, "organization_id")


def walled(schema: Schema) -> list[Table]:
    return [table for table in schema.metadata.sorted_tables if owner(table) in table.c]


WALLED = [schema for schema in SCHEMAS if walled(schema)]
each_context = pytest.mark.parametrize("schema", WALLED, ids=lambda schema: schema.context)
of_identity = pytest.mark.parametrize("schema", [IDENTITY], ids=["identity"])


@asynccontextmanager
async def unaware(place: Place) -> AsyncIterator[AsyncConnection]:
    """As the version before this one is connected, and whoever looks after the database with Headworks' own role."""
    assert place.address is not None
    engine = create_async_engine(place.address.url())
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
def place(schema: Schema, databases: Databases) -> Place:
    """A row of each organisation in every table, from a connection that knows of no wall."""
    place = databases.fresh("postgresql", schema)

    async def filled() -> None:
        names = {table.name for table in schema.metadata.sorted_tables}
        async with unaware(place) as connection:
            await connection.run_sync(fill, names)

    asyncio.run(filled())
    return place


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    database = place.open()
    yield database
    await database.close()


def owners(table: Table) -> Select[str]:
    """Forgets to say whose."""
    return select(table.c[owner(table)]).order_by(table.c[owner(table)])


async def seen(connection: AsyncConnection, schema: Schema) -> dict[str, list[str]]:
    return {table.name: list(await connection.scalars(owners(table))) for table in walled(schema)}


def all_of(schema: Schema, *whose: str) -> dict[str, list[str]]:
    return {table.name: list(whose) for table in walled(schema)}


def test_each_table_has_a_wall_or_a_reason() -> None:
    every = {table.name for schema in SCHEMAS for table in schema.metadata.sorted_tables}
    assert {table.name for schema in SCHEMAS for table in walled(schema)} == every - WITHOUT
    assert every >= WITHOUT


@each_context
async def test_an_organisation_reads_its_own(schema: Schema, database: Database) -> None:
    for whose in (A, B, A):
        async with database.read(whose) as connection:
            assert await seen(connection, schema) == all_of(schema, whose)
        async with database.moment(whose) as connection:
            assert await seen(connection, schema) == all_of(schema, whose)
        async with database.transaction(whose) as connection:
            assert await seen(connection, schema) == all_of(schema, whose)


@each_context
async def test_operators_and_the_version_before_read_everything(
    schema: Schema, place: Place, database: Database
) -> None:
    for door in (database.read, database.look_up, database.moment, database.transaction):
        async with door(EVERYTHING) as connection:
            assert await seen(connection, schema) == all_of(schema, A, B, C)
    async with unaware(place) as connection:
        assert await seen(connection, schema) == all_of(schema, A, B, C)
        # As after a session was reset, which PgBouncer does between its clients.
        await connection.execute(text("SET headworks.organization TO 'x'"))
        await connection.execute(text("RESET ALL"))
        assert await seen(connection, schema) == all_of(schema, A, B, C)


@each_context
async def test_who_says_nothing_reads_nothing(schema: Schema, place: Place, database: Database) -> None:
    assert place.address is not None
    reading = server.reading_engines(place.address, LIMITS)
    for engine in (server.writing_engine(place.address, LIMITS), reading[1]):
        assert engine is not None
        async with engine.connect() as connection:
            assert await seen(connection, schema) == all_of(schema)
        await engine.dispose()
    for nobody in ("", "org_unknown"):
        async with database.read(nobody) as connection:
            assert await seen(connection, schema) == all_of(schema)
        async with database.transaction(nobody) as connection:
            assert await seen(connection, schema) == all_of(schema)


@each_context
async def test_an_organisation_writes_its_own(schema: Schema, database: Database) -> None:
    for table in walled(schema):
        column = table.c[owner(table)]
        async with database.read(EVERYTHING) as connection:
            theirs = dict((await connection.execute(select(table).where(column == B))).mappings().one())
        async with database.transaction(A) as connection:
            assert (await connection.execute(delete(table).where(column == B))).rowcount == 0, table
            assert (await connection.execute(update(table).where(column == B).values({column: A}))).rowcount == 0, table
            forgetful = update(table).values({column: column})
            assert (await connection.execute(forgetful)).rowcount == 1, table
        for refused in (insert(table).values(theirs), update(table).values({column: B})):
            with pytest.raises(DBAPIError) as caught:
                async with database.transaction(A) as connection:
                    await connection.execute(refused)
            assert caught.value.orig is not None
            assert getattr(caught.value.orig, "sqlstate", None) == REFUSED, table


@pytest.mark.parametrize("schema", [one for one in SCHEMAS if one.context == "catalog"], ids=["catalog"])
async def test_what_is_the_installations_is_read_by_all_and_written_by_none(
    schema: Schema, place: Place, database: Database
) -> None:
    catalog = [table for table in walled(schema) if not table.name.endswith("_trail")]
    async with unaware(place) as connection:
        for table in catalog:
            column = table.c[owner(table)]
            await connection.execute(update(table).where(column == C).values({column: INSTALLATION}))
    for table in catalog:
        column = table.c[owner(table)]
        async with database.read(A) as connection:
            assert list(await connection.scalars(owners(table))) == [A, INSTALLATION]
        async with database.transaction(A) as connection:
            assert (await connection.execute(delete(table).where(column == INSTALLATION))).rowcount == 0
            assert (await connection.execute(update(table).values({column: column}))).rowcount == 1
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.transaction(A) as connection:
                await connection.execute(update(table).values({column: INSTALLATION}))
        async with database.transaction(INSTALLATION) as connection:
            assert (await connection.execute(update(table).values({column: column}))).rowcount == 1
        async with database.read("") as connection:
            assert list(await connection.scalars(owners(table))) == []


@of_identity
async def test_who_asks_by_turns_and_who_leaves_in_the_middle(schema: Schema, database: Database) -> None:
    async def ask(whose: str) -> None:
        async with database.read(whose) as connection:
            assert list(await connection.scalars(owners(keys))) == [whose]

    await asyncio.gather(*(ask(whose) for whose in (A, B, C) * 10))
    for steps, whose in enumerate((A, B, C) * 6):
        leaving = asyncio.create_task(ask(whose))
        for _ in range(steps):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await asyncio.gather(ask(C), ask(A), ask(B))


@of_identity
async def test_one_connection_for_all_reading_sees_what_it_is_told(schema: Schema, place: Place) -> None:
    assert place.address is not None
    database = Database.on_server(place.address, schema, replace(LIMITS, connections=2))
    for whose, rows in ((A, [A]), (EVERYTHING, [A, B, C]), (B, [B]), ("", []), (EVERYTHING, [A, B, C]), (C, [C])):
        async with database.read(whose) as connection:
            assert list(await connection.scalars(owners(keys))) == rows
    await database.close()


@of_identity
async def test_a_statement_of_a_store_that_forgets_whose_finds_its_own(schema: Schema, database: Database) -> None:
    store = SqlStore(database, EventBus())
    async with store.read(A) as reading:
        assert list(await reading._connection.scalars(owners(projects))) == [A]
    async with store.transaction(A) as unit:
        assert list(await unit._connection.scalars(owners(projects))) == [A]
    async with store.overlook() as overview:
        assert list(await overview._connection.scalars(owners(projects))) == [A, B, C]
    async with store.operate() as installation:
        within = installation.within(A)
        assert list(await within._connection.scalars(owners(projects))) == [A, B, C]


@of_identity
async def test_the_trail_takes_what_others_did_within_an_organisation(schema: Schema, database: Database) -> None:
    """Headworks itself, which is of none, and whose chain goes on from an entry that the organisation does not see."""
    store = SqlStore(database, EventBus())
    async with database.transaction(EVERYTHING) as connection:
        for table in (TRAIL._head, TRAIL.rows):
            await connection.execute(delete(table))
    for whose in (A, B):
        async with store.transaction(whose) as unit:
            unit.audit(Change("key.created", "key", whose, None, {}))
    async with database.read(EVERYTHING) as connection:
        rows = TRAIL.rows.c
        kept = await connection.execute(select(rows.resource_id, rows.organization_id).order_by(rows.sequence))
        assert [tuple(row) for row in kept] == [(A, ""), (B, "")]


@of_identity
async def test_an_organisations_place_in_an_index_is_found(schema: Schema, database: Database) -> None:
    """And the setting is read once for a statement: as what PostgreSQL calls an InitPlan."""
    asked = f"EXPLAIN SELECT * FROM keys WHERE organization_id = '{A}' ORDER BY id"  # noqa: S608 - no input
    async with database.transaction(A) as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join(chain.from_iterable((await connection.execute(text(asked))).all()))
    assert "Index Scan using ix_keys_organization_id_id" in plan, plan
    assert f"Index Cond: ((organization_id)::text = '{A}'::text)" in plan, plan
    assert "current_setting" not in "\n".join(line for line in plan.splitlines() if "Filter" in line), plan
    assert "InitPlan" in plan, plan


@of_identity
def test_a_dump_by_our_own_role_is_whole_or_refused(schema: Schema, place: Place, databases: Databases) -> None:
    running = databases.servers.get("postgresql")
    assert isinstance(running, PostgresqlServer)
    assert place.address is not None
    with pytest.raises(RuntimeError, match="affected by row-level security"):
        running.dump(place.address.database)
    dump = running.dump(place.address.database, "--enable-row-security", "--table=projects", "--column-inserts")
    assert dump.count("INSERT INTO public.projects") == len((A, B, C))
    assert "ALTER TABLE ONLY public.projects FORCE ROW LEVEL SECURITY" in dump


def test_a_role_above_the_rules_is_named(
    databases: Databases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = databases.fresh("postgresql", LIMITS_SCHEMA)
    assert place.address is not None
    running = databases.servers.get("postgresql")
    running.run("CREATE ROLE above LOGIN SUPERUSER PASSWORD 'above'")
    url = f"postgresql://above:above@127.0.0.1:{running.port}/{place.address.database}"
    above = Address.parse(Secret(url))
    assert not asyncio.run(standing(place.address, LIMITS_SCHEMA, LIMITS)).passes_walls
    assert asyncio.run(standing(above, LIMITS_SCHEMA, LIMITS)).passes_walls
    home = Home(tmp_path / "home")
    home.prepare()
    configure_logs("info")
    Places(home, load_settings({"HEADWORKS_LIMITS_DATABASE_URL": url})).prepare()
    told = capsys.readouterr()
    assert "row-level security" in told.out + told.err
