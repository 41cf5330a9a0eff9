"""What one process tells in its transactions, others read: all of it, in the order of commits, and each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from headworks.kernel.database import EVERYTHING, Database
from headworks.kernel.database import announcements as module
from headworks.kernel.database.announcements import Place
from headworks.kernel.events import Collected, MayHaveMissed
from headworks.ledger.adapters.tables import ANNOUNCEMENTS
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.ledger.contracts import BudgetChanged, MarkUpChanged
from headworks.usage.adapters.tables import SCHEMA as USAGE
from tests.support.databases import ENGINES, Databases
from tests.support.databases import Place as Tables

pytestmark = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture
def tables(engine: str, databases: Databases, tmp_path: Path) -> Tables:
    """The ledger's, whose transactions run side by side."""
    return databases.empty(engine, USAGE, tmp_path, LEDGER, takes_turns=False)


@pytest.fixture
async def database(tables: Tables) -> AsyncIterator[Database]:
    database = tables.open()
    yield database
    await database.close()


def changed(name: str) -> BudgetChanged:
    return BudgetChanged("org_1", name, "changed")


async def tell(database: Database, *names: str) -> list[str]:
    told = Collected([changed(name) for name in names])
    async with database.transaction(EVERYTHING) as connection:
        await ANNOUNCEMENTS.append(connection, told)
    return told.rows


@asynccontextmanager
async def telling(database: Database, name: str) -> AsyncIterator[None]:
    """A transaction that has told something, and is not over."""
    async with database.transaction(EVERYTHING) as connection:
        await ANNOUNCEMENTS.append(connection, Collected([changed(name)]))
        yield


async def here(database: Database) -> Place:
    async with database.read(EVERYTHING) as connection:
        return await ANNOUNCEMENTS.place(connection)


async def read(database: Database, place: Place) -> tuple[Place, list[object]]:
    async with database.read(EVERYTHING) as connection:
        place, told = await ANNOUNCEMENTS.after(connection, place)
    return place, [one.event for one in told]


async def test_what_is_told_is_read_once_and_in_order(database: Database) -> None:
    place = await here(database)
    assert await read(database, place) == (place, [])
    rows = [*await tell(database, "a", "b"), *await tell(database, "c")]
    async with database.read(EVERYTHING) as connection:
        _, told = await ANNOUNCEMENTS.after(connection, place)
    assert [one.row for one in told] == rows
    place, events = await read(database, place)
    assert events == [changed("a"), changed("b"), changed("c")]
    assert (await read(database, place))[1] == []
    await tell(database, "d")
    assert (await read(database, place))[1] == [changed("d")]


async def test_what_is_of_no_kind_is_not_told(database: Database) -> None:
    async with database.transaction(EVERYTHING) as connection:
        told = Collected(["text", MarkUpChanged("org_2")])
        await ANNOUNCEMENTS.append(connection, told)
    assert (await read(database, Place(0, "")))[1] == [MarkUpChanged("org_2")]
    assert len(told.rows) == 1


async def test_nothing_is_told_of_what_was_undone_and_its_number_is_given_again(database: Database) -> None:
    await tell(database, "first")
    place = await here(database)
    with suppress(RuntimeError):
        async with telling(database, "undone"):
            raise RuntimeError
    await tell(database, "second")
    after, events = await read(database, place)
    assert (events, after.sequence) == ([changed("second")], place.sequence + 1)


async def test_a_number_is_seen_after_all_below_it(engine: str, tables: Tables, database: Database) -> None:
    """Whoever tells second waits for the first: a reader between them would have passed over it."""
    if engine == "sqlite":
        pytest.skip("one writer at a time anyway")
    other = tables.open()
    await tell(database, "before")
    place = await here(database)
    async with telling(database, "slow"):
        second = asyncio.create_task(tell(other, "quick"))
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert not done, "it has a number before the first one's commit"
        assert (await read(other, place))[1] == []
    await second
    assert (await read(other, place))[1] == [changed("slow"), changed("quick")]
    await other.close()


async def test_two_are_the_first_ever(engine: str, tables: Tables, database: Database) -> None:
    """Both make the counter, and neither is ended for it."""
    if engine == "sqlite":
        pytest.skip("one writer at a time anyway")
    others = [tables.open() for _ in range(3)]
    async with telling(database, "first"):
        telling_too = [asyncio.create_task(tell(other, "too")) for other in others]
        done, _ = await asyncio.wait(telling_too, timeout=0.3)
        assert not done, "one did not wait for the commit of the first"
    await asyncio.gather(*telling_too)
    place, events = await read(database, Place(0, ""))
    assert (place.sequence, events) == (4, [changed("first"), *[changed("too")] * 3])
    for other in others:
        await other.close()


async def test_many_writers_and_a_reader_that_never_rests(tables: Tables, database: Database) -> None:
    writers = [tables.open() for _ in range(4)]
    place, heard = Place(0, ""), list[object]()

    async def write(number: int) -> None:
        for turn in range(15):
            await tell(writers[number], f"{number}-{turn}")

    writing = asyncio.gather(*(write(number) for number in range(len(writers))))
    while True:
        done = writing.done()
        place, events = await read(database, place)
        heard += events
        if done:
            break
    await writing
    assert MayHaveMissed() not in heard
    names = [event.budget_id for event in heard if isinstance(event, BudgetChanged)]
    assert sorted(names) == sorted(f"{number}-{turn}" for number in range(4) for turn in range(15))
    for number in range(4):
        mine = [name for name in names if name.startswith(f"{number}-")]
        assert mine == [f"{number}-{turn}" for turn in range(15)]
    for writer in writers:
        await writer.close()


async def test_more_than_is_read_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    await tell(database, "a")
    place, names = await here(database), list[object]()
    await tell(database, *"bcdefgh")
    while events := (await read(database, place))[1]:
        place = (await read(database, place))[0]
        names += events
    assert names == [changed(name) for name in "bcdefgh"]


async def test_old_rows_go_and_who_was_there_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    monkeypatch.setattr(module, "_SWEPT", 1)
    await tell(database, "a")
    behind, begun = await here(database), Place(0, "")
    await tell(database, *"bcd")
    recent = await here(database)
    await tell(database, *"efgh")
    assert (await read(database, recent))[1] == [changed(name) for name in "efgh"]
    for place in (behind, begun):
        assert await read(database, place) == (await here(database), [MayHaveMissed()])


@pytest.mark.parametrize("how", ["emptied", "put back", "another"])
async def test_a_database_that_was_put_back_is_noticed(database: Database, how: str) -> None:
    await tell(database, "a", "b")
    place = await here(database)
    rows = ANNOUNCEMENTS._rows
    async with database.transaction(EVERYTHING) as connection:
        if how == "emptied":
            await connection.execute(delete(rows))
        elif how == "put back":
            await connection.execute(delete(rows).where(rows.c.sequence == place.sequence))
        else:
            await connection.execute(update(rows).where(rows.c.sequence == place.sequence).values(id="ann_x"))
    assert (await read(database, place))[1] == [MayHaveMissed()]


@pytest.mark.parametrize(
    "values", [{"kind": "NewerKind"}, {"fields": "no JSON"}, {"fields": '{"newer": "field"}'}, {"fields": "[]"}]
)
async def test_what_a_newer_version_tells_is_everything(database: Database, values: dict[str, str]) -> None:
    place = await here(database)
    await tell(database, "a")
    async with database.transaction(EVERYTHING) as connection:
        await connection.execute(update(ANNOUNCEMENTS._rows).values(values))
    assert (await read(database, place))[1] == [MayHaveMissed()]
