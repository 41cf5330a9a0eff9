"""Several processes write to one database at the same time: every store keeps its word, whatever meets whatever.

A `Place` that is opened twice stands for two processes: their connections share nothing but the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.errors import NameTaken
from headworks.identity.adapters.sql import SqlStore as SqlIdentity
from headworks.identity.commands import keys as identity_commands
from headworks.identity.commands import members
from headworks.identity.commands.first_start import FirstKeys
from headworks.identity.commands.keys import KeyChange
from headworks.identity.contracts import Membership, User
from headworks.identity.errors import LastAdmin, LastManagementKey
from headworks.identity.facade import Foothold, IdentityFacade
from headworks.identity.ports import KeyFilter, UserFilter
from headworks.kernel.database import EVERYTHING, Database
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.usage import commands as usage_commands
from headworks.usage.adapters.sql import SqlStore as SqlUsage
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.commands import Batch
from headworks.usage.contracts import Ingested
from headworks.usage.ports import RecordFilter, ReportFilter
from tests.contract.conftest import NOON
from tests.contract.test_catalogs import provider
from tests.contract.test_identity_store import key
from tests.contract.test_usage_store import row
from tests.support.databases import ENGINES, Databases, Place
from tests.support.usage_stores import sql_usage

WRITERS = 4
ADMIN = Principal("key_admin", "key", "org_1", "prj_1", MANAGEMENT)

pytestmark = pytest.mark.parametrize("engine", ENGINES)


@asynccontextmanager
async def opened(place: Place | None, count: int = WRITERS) -> AsyncIterator[list[Database]]:
    """As many processes."""
    assert place is not None
    databases = [place.open() for _ in range(count)]
    try:
        yield databases
    finally:
        for database in databases:
            await database.close()


def facade(database: Database) -> IdentityFacade:
    return IdentityFacade(SqlIdentity(database, EventBus()), lambda: datetime.now(UTC))  # noqa: TID251 - any time does


async def revoke(store: SqlIdentity, key_id: str) -> None:
    async with store.transaction("org_1") as unit:
        await identity_commands.revoke_key(unit, ADMIN, key_id, NOON)


async def begun(work: Coroutine[object, object, None]) -> asyncio.Task[None]:
    """The work, under way; it has come as far as it can, or to its end where nothing holds it up."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=0.5)
    return task


async def test_processes_that_start_together_found_one_organisation(identity_place: Place | None) -> None:
    kept: list[FirstKeys] = []

    async def start(database: Database) -> Foothold:
        return await facade(database).ensure_access(has_credentials=True, keep=kept.append)

    async with opened(identity_place) as databases:
        footholds = await asyncio.gather(*map(start, databases))
        store = SqlIdentity(databases[0], EventBus())
        async with store.overlook() as overview:
            organizations = await overview.organizations.page(PageRequest())
            operators = await overview.users.page(UserFilter(), PageRequest())
        async with store.read(footholds[0].organization_id) as reading:
            (project,) = (await reading.projects.page(PageRequest())).items
            keys = await reading.keys.page(KeyFilter(), NOON, PageRequest())
    assert [one.is_operator for one in operators.items] == [True]
    assert organizations.total == 1
    assert {one.organization_id for one in footholds} == {organizations.items[0].id}
    assert len(kept) == 1
    assert (keys.total, {one.project_id for one in keys.items}) == (2, {project.id})


async def test_a_change_does_not_bring_a_revoked_key_back(identity_place: Place | None, identity: object) -> None:
    async with opened(identity_place, 2) as databases:
        one, other = (SqlIdentity(database, EventBus()) for database in databases)
        async with one.transaction("org_1") as unit:
            await unit.keys.add([key(1)])
        async with one.transaction("org_1") as unit:
            await unit.keys.get("key_1")
            revoking = await begun(revoke(other, "key_1"))
            await identity_commands.change_key(unit, ADMIN, "key_1", KeyChange(name="renamed"), NOON)
        await revoking
        async with one.read("org_1") as reading:
            found = await reading.keys.get("key_1")
    assert found is not None
    assert (found.name, found.revoked_at) == ("renamed", NOON)


async def test_the_last_two_managers_cannot_both_go(identity_place: Place | None, identity: object) -> None:
    async with opened(identity_place, 2) as databases:
        one, other = (SqlIdentity(database, EventBus()) for database in databases)
        async with one.transaction("org_1") as unit:
            await unit.keys.add([key(1, kind="management"), key(2, kind="management")])
        async with one.transaction("org_1") as unit:
            assert len(await unit.keys.managers(NOON)) == 2
            revoking = await begun(revoke(other, "key_2"))
            await identity_commands.revoke_key(unit, ADMIN, "key_1", NOON)
        with pytest.raises(LastManagementKey):
            await revoking
        async with one.read("org_1") as reading:
            assert [one.id for one in await reading.keys.managers(NOON)] == ["key_2"]


async def test_the_last_two_admins_cannot_both_go(identity_place: Place | None, identity: object) -> None:
    async def leave(store: SqlIdentity, name: str) -> None:
        async with store.transaction("org_1") as unit:
            await members.remove_member(unit, ADMIN, f"mbr_{name}")

    async with opened(identity_place, 2) as databases:
        one, other = (SqlIdentity(database, EventBus()) for database in databases)
        async with one.operate() as installation:
            for name in ("ada", "bob"):
                await installation.users.add(User(f"usr_{name}", f"{name}@a", f"{name}@a", name, NOON, "system"))
                made = Membership(f"mbr_{name}", "org_1", f"usr_{name}", "admin", NOON, "system")
                await installation.within("org_1").members.add(made)
        async with one.transaction("org_1") as unit:
            assert len(await unit.members.admins()) == 2
            leaving = await begun(leave(other, "bob"))
            await members.remove_member(unit, ADMIN, "mbr_ada")
        with pytest.raises(LastAdmin):
            await leaving
        async with one.read("org_1") as reading:
            assert [member.user.id for member in (await reading.members.page(PageRequest())).items] == ["usr_bob"]


async def test_a_name_is_taken_once_and_every_change_counts(catalog_place: Place | None) -> None:
    async def add(catalogs: SqlCatalogs, number: int) -> str:
        async with catalogs.writing("org_1") as store:
            await store.add_provider(provider(number))
        return "added"

    async with opened(catalog_place) as databases:
        doors = [SqlCatalogs(database, EventBus()) for database in databases]
        tries = [add(door, number) for number in range(5) for door in doors]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert results.count("added") == 5
        assert sum(isinstance(result, NameTaken) for result in results) == len(tries) - 5
        assert await doors[0].revision("org_1") == 5
        async with doors[0].reading("org_1") as store:
            assert [one.name for one in await store.providers()] == [f"provider-{number}" for number in range(5)]


async def test_the_same_events_from_everywhere_are_stored_once(usage_place: Place | None) -> None:
    """Each writer stores overlapping batches, in another order: new subjects, new totals, and redeliveries collide."""
    batches = [
        [row(number, key_id=f"key_{number % 7}") for number in range(start, start + 40)] for start in (0, 20, 40)
    ]

    async def store(usage: SqlUsage, turn: int) -> list[Ingested]:
        done = []
        for number in range(len(batches)):
            rows = batches[(number + turn) % len(batches)]
            batch = Batch(rows[::-1] if turn % 2 else rows, [])
            done.append(await usage_commands.store(usage, batch, NOON, _nothing))
        return done

    async with opened(usage_place) as databases:
        stores = [sql_usage(database) for database in databases]
        done = await asyncio.gather(*(store(usage, turn) for turn, usage in enumerate(stores)))
        async with stores[0].read(None) as reading:
            records = await reading.records(RecordFilter("org_1"), None, 1000)
            _, every = await reading.report(ReportFilter("org_1", "minute", 0, 2**33), (), PageRequest())
    whole = every.figures
    assert sorted(record.event.event_id for record in records) == sorted(f"req_{number}" for number in range(80))
    assert (whole.requests, whole.input_tokens, whole.cost_nanodollars) == (80, 80, 400)
    assert sum(one.stored for several in done for one in several) == 80
    assert sum(one.redelivered for several in done for one in several) == WRITERS * 120 - 80


def _nothing() -> None:
    """The usual `before_commit`."""


async def test_numbers_of_another_database_are_forgotten(usage_place: Place | None, databases: Databases) -> None:
    """As after a restore from a backup: what this process remembers of subjects is not there any more."""
    async with opened(usage_place, 2) as (database, other):
        usage = sql_usage(database)
        await usage_commands.store(usage, Batch([row(number) for number in range(4)], []), NOON, _nothing)
        async with other.transaction(EVERYTHING) as connection:
            for table in reversed(USAGE.metadata.sorted_tables):
                await connection.execute(table.delete())
        done = await usage_commands.store(usage, Batch([row(number) for number in range(10, 14)], []), NOON, _nothing)
        assert (done.stored, done.rejected) == (4, 0)
        async with usage.read(None) as reading:
            assert len(await reading.records(RecordFilter("org_1"), None, 100)) == 4
