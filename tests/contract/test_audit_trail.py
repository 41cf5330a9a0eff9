"""The contract of `audit.ports.TrailReader`, and of the stores that write what it reads, on every adapter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from headworks.audit import queries
from headworks.audit.adapters.memory import MemoryReader
from headworks.audit.adapters.sql import SqlReader
from headworks.audit.contracts import Wanted
from headworks.audit.ports import TrailReader, Trails
from headworks.catalog.adapters.memory import MemoryCatalogs
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.catalog.adapters.tables import TRAIL as CATALOG_TRAIL
from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.identity.adapters.tables import TRAIL as IDENTITY_TRAIL
from headworks.kernel import trail as trails_of_memory
from headworks.kernel.audit import Change
from headworks.kernel.database import Database, Schema, SqlTrailKeys, Trail
from headworks.kernel.database import trail as trails_of_databases
from headworks.kernel.events import EventBus
from headworks.kernel.origin import arriving
from headworks.kernel.secrets import Sealer
from tests.support.databases import Databases, Place

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ALL = Wanted()
SEALER = Sealer({"kek_1": bytes(32)}, "kek_1")


class Audited(Protocol):
    """As much of a transaction as a change needs."""

    def audit(self, change: Change) -> None: ...


@dataclass
class Scene:
    """A store of one context, and the reader of its trail."""

    reader: TrailReader
    store: object

    def writing(self) -> AbstractAsyncContextManager[Audited]:
        if isinstance(self.store, (SqlCatalogs, MemoryCatalogs)):
            return self.store.writing("org_1")
        assert isinstance(self.store, (SqlStore, MemoryStore))
        return self.store.operate()

    @property
    def trails(self) -> Trails:
        return Trails((self.reader,))


def change(number: int, action: str = "thing.changed", organization: str = "org_1") -> Change:
    return Change(action, "thing", f"thing_{number}", None, {"number": number, "organization_id": organization})


@pytest.fixture(params=["identity", "catalog"])
def place(request: pytest.FixtureRequest, engine: str, databases: Databases, tmp_path: Path) -> Place | str:
    """Of the context's tables; its name alone where the stores keep things in memory."""
    context = str(request.param)
    schema = IDENTITY if context == "identity" else CATALOG
    return context if engine == "memory" else databases.empty(engine, schema, tmp_path)


@pytest.fixture
async def scene(place: Place | str) -> AsyncIterator[Scene]:
    if isinstance(place, str):
        store = MemoryStore(EventBus()) if place == "identity" else MemoryCatalogs(lambda _event: None)
        yield Scene(MemoryReader(place, lambda: store.trail), store)
        return
    database = place.open()
    yield scene_of(database, place.schema)
    await database.close()


def scene_of(database: Database, schema: Schema, sealer: Sealer = SEALER) -> Scene:
    """Signed, as bootstrap makes it."""
    trail = IDENTITY_TRAIL if schema is IDENTITY else CATALOG_TRAIL
    keys = SqlTrailKeys(trail.context, trail.keys, sealer)
    if schema is IDENTITY:
        return Scene(SqlReader(database, trail, keys), SqlStore(database, EventBus(), keys))
    return Scene(SqlReader(database, trail, keys), SqlCatalogs(database, EventBus(), keys))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time that entries get: the last of the list."""
    times = [NOON]
    monkeypatch.setattr(trails_of_databases, "now", lambda: times[-1])
    monkeypatch.setattr(trails_of_memory.memory, "now", lambda: times[-1])
    return times


async def write(scene: Scene, *changes: Change) -> None:
    async with scene.writing() as unit:
        for one in changes:
            unit.audit(one)


async def listed(scene: Scene, wanted: Wanted = ALL) -> list[str]:
    return [entry.resource_id for entry in await scene.reader.newest(wanted, None, 100)]


async def test_a_change_is_written_with_who_and_where(scene: Scene) -> None:
    with arriving("req_1", "192.0.2.1"):
        await write(scene, change(1))
    (entry,) = await scene.reader.newest(ALL, None, 10)
    assert (entry.request_id, entry.source, entry.actor_kind) == ("req_1", "192.0.2.1", "anonymous")
    assert (entry.sequence, entry.action, entry.before) == (1, "thing.changed", None)
    assert json.loads(str(entry.after))["number"] == 1
    assert entry.id.startswith("aud_")
    head = await scene.reader.head()
    assert head is not None
    assert (head.sequence, head.hash) == (1, entry.hash)


async def test_what_fails_leaves_no_entry(scene: Scene) -> None:
    await write(scene, change(1))
    with pytest.raises(RuntimeError):
        async with scene.writing() as unit:
            unit.audit(change(2))
            raise RuntimeError
    with pytest.raises(TypeError):
        await write(scene, Change("thing.changed", "thing", "thing_3", None, {"not": object()}))
    assert await listed(scene) == ["thing_1"]
    await write(scene, change(4))
    assert [report.fault for report in await queries.verify(scene.trails)] == [None]
    assert [entry.sequence for entry in await scene.reader.following(0, 10)] == [1, 2]


async def test_an_empty_transaction_writes_nothing(scene: Scene) -> None:
    await write(scene)
    assert await scene.reader.head() is None
    assert await queries.heads(scene.trails) == []
    (report,) = await queries.verify(scene.trails)
    assert (report.entries, report.fault) == (0, None)


async def test_entries_follow_in_order_by_stretch(scene: Scene) -> None:
    await write(scene, *(change(number) for number in range(1, 5)))
    await write(scene, change(5))
    assert [entry.resource_id for entry in await scene.reader.following(0, 2)] == ["thing_1", "thing_2"]
    assert [entry.sequence for entry in await scene.reader.following(2, 10)] == [3, 4, 5]
    assert await scene.reader.following(5, 10) == []


async def test_the_newest_come_first_and_go_on_where_they_stopped(scene: Scene, clock: list[datetime]) -> None:
    # Three transactions of one moment, one of a later one: neither is shown twice or left out.
    for numbers in ((1, 2), (3,), (4, 5)):
        await write(scene, *(change(number) for number in numbers))
    clock.append(NOON + timedelta(seconds=1))
    await write(scene, change(6))
    whole = await scene.reader.newest(ALL, None, 100)
    assert whole[0].resource_id == "thing_6"
    assert {entry.resource_id for entry in whole} == {f"thing_{number}" for number in range(1, 7)}
    order = [entry.resource_id for entry in whole]
    assert order.index("thing_2") < order.index("thing_1")
    assert order.index("thing_5") < order.index("thing_4")
    by_stretch: list[str] = []
    after = None
    while stretch := await queries.newest(scene.trails, ALL, after, 2):
        by_stretch += [one.entry.resource_id for one in stretch]
        after = stretch[-1].place
    assert by_stretch == order
    assert [one.entry.resource_id async for one in queries.everything(scene.trails, ALL)] == order


async def test_filters(scene: Scene, clock: list[datetime]) -> None:
    with arriving("req_1", None):
        await write(scene, change(1, "key.created"), change(2, "key.revoked"))
    clock.append(NOON + timedelta(minutes=1))
    with arriving("req_2", None):
        await write(scene, change(3, "keyring.rotated"), change(4, "key%.x"))
    later = NOON + timedelta(minutes=1)
    assert await listed(scene, Wanted(action="key.*")) == ["thing_2", "thing_1"]
    assert await listed(scene, Wanted(action="key.revoked")) == ["thing_2"]
    assert await listed(scene, Wanted(action="key%.*")) == ["thing_4"]
    assert await listed(scene, Wanted(request_id="req_2")) == ["thing_4", "thing_3"]
    assert await listed(scene, Wanted(resource_id="thing_3")) == ["thing_3"]
    assert await listed(scene, Wanted(resource_type="other")) == []
    assert await listed(scene, Wanted(actor_id="")) == ["thing_4", "thing_3", "thing_2", "thing_1"]
    assert await listed(scene, Wanted(since=later)) == ["thing_4", "thing_3"]
    assert await listed(scene, Wanted(until=later)) == ["thing_2", "thing_1"]
    assert await listed(scene, Wanted(organization_id="org_1", action="key.created")) == ["thing_1"]
    assert await listed(scene, Wanted(organization_id="org_2")) == []


async def test_a_long_trail_is_checked_by_stretch(scene: Scene) -> None:
    await write(scene, *(change(number) for number in range(1, 1_204)))
    (report,) = await queries.verify(scene.trails)
    assert (report.entries, report.fault) == (1_203, None)
    assert await queries.heads(scene.trails) == [report.anchor]
    assert await queries.verify(scene.trails, [report.anchor]) == [report]


async def test_writers_at_the_same_time_do_not_fork_the_chain(place: Place | str) -> None:
    """Connections of their own, as two processes have them."""
    if isinstance(place, str):
        pytest.skip("a store in memory has one writer")
    pair = [place.open() for _ in range(2)]
    scenes = [scene_of(one, place.schema) for one in pair]

    async def write_many(writer: int) -> None:
        for number in range(25):
            await write(scenes[writer], change(100 * writer + number))

    await asyncio.gather(*(write_many(writer) for writer in (0, 1)))
    (report,) = await queries.verify(scenes[0].trails)
    assert (report.entries, report.fault) == (50, None)
    assert len({entry.resource_id for entry in await scenes[0].reader.following(0, 100)}) == 50
    for database in pair:
        await database.close()


async def test_checking_while_others_write_finds_no_fault(scene: Scene) -> None:
    enough = asyncio.Event()
    written = 0

    async def write_on() -> None:
        nonlocal written
        while not enough.is_set():
            await write(scene, change(written))
            written += 1
            await asyncio.sleep(0)

    writing = asyncio.create_task(write_on())
    for _ in range(5):
        before = written
        while written == before:
            await asyncio.sleep(0)
        assert [report.fault for report in await queries.verify(scene.trails)] == [None]
    enough.set()
    await writing
    assert written >= 5


def test_the_tables_of_a_trail_are_those_that_the_stores_write_to() -> None:
    assert isinstance(IDENTITY_TRAIL, Trail)
    assert {IDENTITY_TRAIL.context, CATALOG_TRAIL.context} == {IDENTITY.context, CATALOG.context}
