"""Who can write to the database, and has not the keyring: whatever they do by SQL, `verify` tells, and goes on telling."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, insert, select, update

from headworks.audit import queries
from headworks.audit.adapters.sql import SqlReader
from headworks.audit.contracts import Anchor, Fault, TrailReport
from headworks.audit.ports import Trails
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.catalog.adapters.tables import TRAIL as CATALOG_TRAIL
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.identity.adapters.tables import TRAIL as IDENTITY_TRAIL
from headworks.kernel.audit import Change
from headworks.kernel.database import EVERYTHING, Database, KeptTrailKeys, SqlTrailKeys, Trail
from headworks.kernel.events import EventBus
from headworks.kernel.origin import HEADWORKS
from headworks.kernel.secrets import Sealer
from headworks.kernel.trail import END_CHANGED, Entry, Head, TrailKey, entries, genesis, hash_of
from tests.support.databases import ENGINES, Databases, Place

COUNT = 6
_COLUMNS = tuple(field.name for field in fields(Entry))


@dataclass
class Scene:
    """A signed trail of a few entries, and somebody with a hand in its database."""

    database: Database
    place: Place
    sealer: Sealer

    @property
    def trail(self) -> Trail:
        return IDENTITY_TRAIL if self.place.schema is IDENTITY else CATALOG_TRAIL

    @property
    def rows(self) -> Table:
        return self.trail.rows

    @property
    def end(self) -> Table:
        return self.rows.metadata.tables[f"{self.place.schema.context}_audit_head"]

    @property
    def keys(self) -> SqlTrailKeys:
        return SqlTrailKeys(self.trail.context, self.trail.keys, self.sealer)

    async def write(self, count: int = 1, *, signed: bool = True) -> None:
        """As a use case does."""
        keys = self.keys if signed else None
        for _ in range(count):
            change = Change("thing.changed", "thing", "thing_1", {"name": "a"}, {"organization_id": "org_1"})
            if self.place.schema is IDENTITY:
                async with SqlStore(self.database, EventBus(), keys).operate() as unit:
                    unit.audit(change)
            else:
                async with SqlCatalogs(self.database, EventBus(), keys).writing("org_1") as store:
                    store.audit(change)

    async def tamper(self, *statements: object) -> None:
        """By a connection of their own."""
        async with self.database.transaction(EVERYTHING) as connection:
            for statement in statements:
                await connection.execute(statement)  # type: ignore[call-overload]

    async def written(self) -> list[Entry]:
        return await self.reader().following(0, 1000)

    def reader(self) -> SqlReader:
        return SqlReader(self.database, self.trail, self.keys)

    async def verify(self, *anchors: Anchor) -> TrailReport:
        (report,) = await queries.verify(Trails((self.reader(),)), anchors)
        return report

    async def fault(self) -> tuple[str, int] | None:
        fault: Fault | None = (await self.verify()).fault
        return None if fault is None else (fault.problem, fault.sequence)

    def put(self, *forged: Entry) -> list[object]:
        """Rows in the place of those of the same numbers."""
        numbers = [entry.sequence for entry in forged]
        values = [{name: getattr(entry, name) for name in _COLUMNS} for entry in forged]
        return [delete(self.rows).where(self.rows.c.sequence.in_(numbers)), insert(self.rows).values(values)]

    def move_end(self, entry: Entry, **others: object) -> object:
        return update(self.end).values(sequence=entry.sequence, hash=entry.hash, **others)


@pytest.fixture(params=[IDENTITY, CATALOG], ids=["identity", "catalog"])
def place(request: pytest.FixtureRequest, tamper_engine: str, databases: Databases, tmp_path: Path) -> Place:
    return databases.empty(tamper_engine, request.param, tmp_path)


@pytest.fixture(params=ENGINES)
def tamper_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def scene(place: Place) -> AsyncIterator[Scene]:
    database = place.open()
    made = Scene(database, place, Sealer({"kek_1": os.urandom(32)}, "kek_1"))
    await made.write(COUNT)
    assert await made.fault() is None
    yield made
    await database.close()


def resealed(entry: Entry, key: TrailKey | None) -> Entry:
    """With a hash that fits, as who has no keyring can make one."""
    keyed = replace(entry, key_id=None if key is None else key.id)
    return replace(keyed, hash=hash_of(keyed, key))


async def test_every_entry_and_the_end_name_their_key(scene: Scene) -> None:
    assert {entry.key_id for entry in await scene.written()} == {"kek_1"}
    report = await scene.verify()
    assert (report.entries, report.unkeyed) == (COUNT, 0)


@pytest.mark.parametrize(
    "column", ["actor_id", "before", "after", "source", "action", "resource_id", "organization_id"]
)
async def test_changed(scene: Scene, column: str) -> None:
    await scene.tamper(update(scene.rows).where(scene.rows.c.sequence == 3).values({column: "else"}))
    assert await scene.fault() == ("changed", 3)


@pytest.mark.parametrize("key", [None, TrailKey("kek_1", bytes(32)), TrailKey("kek_9", bytes(32))], ids=str)
async def test_changed_with_a_hash_that_fits(scene: Scene, key: TrailKey | None) -> None:
    """Without a key, with another one under the name of ours, and with one of their own."""
    kept = await scene.written()
    await scene.tamper(*scene.put(resealed(replace(kept[2], actor_id="else"), key)))
    expected = {None: "unkeyed", "kek_1": "changed", "kek_9": "unknown_key"}[None if key is None else key.id]
    assert await scene.fault() == (expected, 3)


async def test_missing(scene: Scene) -> None:
    await scene.tamper(delete(scene.rows).where(scene.rows.c.sequence == 4))
    assert await scene.fault() == ("missing", 4)


async def test_missing_and_numbered_anew(scene: Scene) -> None:
    down = update(scene.rows).values(sequence=scene.rows.c.sequence - 1)
    later = [down.where(scene.rows.c.sequence == number) for number in range(5, COUNT + 1)]
    await scene.tamper(
        delete(scene.rows).where(scene.rows.c.sequence == 4), *later, update(scene.end).values(sequence=COUNT - 1)
    )
    assert await scene.fault() == ("changed", 4)


async def test_reordered(scene: Scene) -> None:
    kept = await scene.written()
    swapped = replace(kept[1], sequence=3), replace(kept[2], sequence=2)
    await scene.tamper(*scene.put(*swapped))
    assert await scene.fault() == ("changed", 2)


async def test_cut_off(scene: Scene) -> None:
    await scene.tamper(delete(scene.rows).where(scene.rows.c.sequence > 4))
    assert await scene.fault() == ("cut", 5)


async def cut(scene: Scene, **others: object) -> None:
    kept = await scene.written()
    await scene.tamper(delete(scene.rows).where(scene.rows.c.sequence > 4), scene.move_end(kept[3], **others))


@pytest.mark.parametrize(
    "others", [{}, {"key_id": None, "mac": None}, {"mac": "0" * 64}], ids=["as it was", "none", "made up"]
)
async def test_cut_off_with_an_end_that_fits(scene: Scene, others: dict[str, object]) -> None:
    await cut(scene, **others)
    assert await scene.fault() == ("head_changed", 4)


@pytest.mark.parametrize("others", [{}, {"key_id": None, "mac": None}], ids=["as it was", "none"])
async def test_what_is_written_after_does_not_hide_it(scene: Scene, others: dict[str, object]) -> None:
    await cut(scene, **others)
    await scene.write()
    assert await scene.fault() == ("end_was_changed", 5)
    await scene.write(3)
    assert await scene.fault() == ("end_was_changed", 5)
    told = [entry for entry in await scene.written() if entry.action == END_CHANGED]
    assert [(entry.actor_kind, entry.sequence) for entry in told] == [("system", 5)]


async def test_added_past_the_end(scene: Scene) -> None:
    kept = await scene.written()
    change = Change("thing.changed", "thing", "thing_9", None, None)
    (forged,) = entries(Head(COUNT, kept[-1].hash), [change], HEADWORKS, "org_1", kept[-1].at)
    await scene.tamper(insert(scene.rows).values({name: getattr(forged, name) for name in _COLUMNS}))
    assert await scene.fault() == ("unkeyed", COUNT + 1)
    await scene.tamper(scene.move_end(forged, key_id=None, mac=None))
    assert await scene.fault() == ("unkeyed", COUNT + 1)


async def test_all_of_it_written_anew_without_the_key(scene: Scene) -> None:
    """As if there had never been keys: that many entries then say that anybody may have written them, and an anchor tells."""
    anchor = (await scene.verify()).anchor
    anew = entries(
        genesis(scene.place.schema.context),
        [Change("thing.changed", "thing", "thing_1", None, None)] * COUNT,
        HEADWORKS,
        "org_1",
        (await scene.written())[0].at,
    )
    await scene.tamper(*scene.put(*anew), scene.move_end(anew[-1], key_id=None, mac=None))
    report = await scene.verify()
    assert (report.fault, report.unkeyed) == (None, COUNT)
    told = await scene.verify(anchor)
    assert told.fault is not None
    assert told.fault.problem == "not_the_anchor"


async def test_an_older_state_put_back_is_told_by_an_anchor_alone(scene: Scene) -> None:
    async with scene.database.read(EVERYTHING) as connection:
        before = (await connection.execute(select(scene.end))).mappings().one()
    await scene.write(2)
    anchor = (await scene.verify()).anchor
    await scene.tamper(delete(scene.rows).where(scene.rows.c.sequence > COUNT), update(scene.end).values(dict(before)))
    assert await scene.fault() is None
    told = await scene.verify(anchor)
    assert told.fault is not None
    assert told.fault.problem == "cut"


async def test_entries_of_another_installation_are_not_taken_for_ours(scene: Scene) -> None:
    other = replace(scene, sealer=Sealer({"kek_2": os.urandom(32)}, "kek_2"))
    assert await other.fault() == ("unknown_key", 1)
    same_name = replace(scene, sealer=Sealer({"kek_1": os.urandom(32)}, "kek_1"))
    assert await same_name.fault() == ("changed", 1)


async def test_entries_from_before_there_were_keys_go_on_holding(place: Place) -> None:
    database = place.open()
    scene = Scene(database, place, Sealer({"kek_1": os.urandom(32)}, "kek_1"))
    await scene.write(3, signed=False)
    assert await scene.fault() is None
    await scene.write(2)
    report = await scene.verify()
    assert (report.fault, report.entries, report.unkeyed) == (None, 5, 3)
    # They hang on what was signed after them: changed together with all hashes that follow, they show.
    kept = await scene.written()
    forged = [resealed(replace(kept[0], actor_id="else"), None)]
    for entry in kept[1:3]:
        forged.append(resealed(replace(entry, previous_hash=forged[-1].hash), None))
    await scene.tamper(*scene.put(*forged))
    assert await scene.fault() == ("unlinked", 4)
    await database.close()


async def test_every_entry_survives_new_keys(scene: Scene) -> None:
    """As `secrets rotate` does it: a new key, all kept anew, the old one dropped; three times."""
    for number in (2, 3, 4):
        name = f"kek_{number}"
        keys = dict(scene.sealer._ring[0]) | {name: os.urandom(32)}
        scene.sealer.adopt(Sealer(keys, name))
        assert await KeptTrailKeys(scene.database, scene.keys).reseal() == number - 1
        assert set(await KeptTrailKeys(scene.database, scene.keys).sealed_by()) == {name}
        scene.sealer.adopt(Sealer({name: keys[name]}, name))
        await scene.write(2)
        assert await scene.fault() is None
        # Safe to repeat.
        assert await KeptTrailKeys(scene.database, scene.keys).reseal() == 0
    assert [entry.key_id for entry in await scene.written()][COUNT:] == [
        *("kek_2", "kek_2"),
        *("kek_3", "kek_3"),
        *("kek_4", "kek_4"),
    ]
    kept = scene.trail.keys
    await scene.tamper(delete(kept).where(kept.c.id == "kek_2"))
    assert await scene.fault() == ("unknown_key", COUNT + 1)


async def test_who_puts_a_key_of_their_own_there_gains_nothing(scene: Scene) -> None:
    own = Sealer({"kek_9": os.urandom(32)}, "kek_9")
    theirs = TrailKey("kek_9", own.derive(f"audit trail of {scene.place.schema.context}")["kek_9"])
    kept = await scene.written()
    foreign = replace(scene, sealer=own).keys
    forged = resealed(replace(kept[2], actor_id="else"), theirs)
    await scene.tamper(*scene.put(forged), insert(scene.trail.keys).values(id="kek_9", sealed=foreign._sealed(theirs)))
    assert await scene.fault() == ("unknown_key", 3)
