"""Tables are moved whole into a server, whatever they are and whatever is in them: by what a schema has, no table by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    create_engine,
    delete,
    insert,
    select,
    text,
    update,
)

from headworks.bootstrap.databases import SCHEMAS
from headworks.kernel.database import (
    EVERYTHING,
    Database,
    Exact,
    Long,
    Microseconds,
    Schema,
    new_metadata,
    prepare_schema,
)
from headworks.kernel.database.moving import Different, ForeignValue, RowRefused, compare, copy, stored
from headworks.kernel.database.moving.copying import is_ours
from headworks.kernel.moments import moment
from tests.support.databases import LIMITS, SERVERS, Databases
from tests.support.schemas import fill

on_servers = pytest.mark.parametrize("engine", SERVERS)

LARGEST = 2**63 - 1
TEXTS = ("", " ", "a ", "a", "A", "ä", "Grüße 😀", "'\"\\;--\t\n\r%s{}$1", "\ufeff", "\uffff", "\U0010ffff", "x" * 700)
"""That some database pads, folds, sorts its own way, or escapes."""


@dataclass
class Two:
    """A file, and a server that is to hold the same."""

    source: Database
    target: Database
    path: Path

    async def copy(self, table: Table, batch: int = 3) -> int:
        """How many rows it took."""
        counted: list[int] = []
        await copy(self.source, self.target, table, batch, counted.append)
        return sum(counted)

    async def compare(self, table: Table, batch: int = 3) -> tuple[int, str]:
        """How many rows there are, and their digest."""
        counted: list[int] = []
        found = await compare(self.source, self.target, table, batch, counted.append)
        assert found.rows == sum(counted)
        return found.rows, found.digest

    def write(self, *statements: Any) -> None:  # noqa: ANN401 - of any kind
        """Into the file."""
        engine = create_engine(f"sqlite:///{self.path}")
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)
        engine.dispose()

    async def there(self, statement: Any) -> None:  # noqa: ANN401 - of any kind
        """On the server."""
        async with self.target.transaction(EVERYTHING) as connection:
            await connection.execute(statement)

    async def all(self, table: Table) -> list[tuple[Any, ...]]:
        """What is on the server."""
        async with self.target.read(EVERYTHING) as connection:
            return [tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))]


@asynccontextmanager
async def opened(engine: str, databases: Databases, folder: Path, schema: Schema) -> AsyncIterator[Two]:
    """Both with the tables of `schema`, the file as it is now."""
    path = folder / "source.sqlite3"
    place = await asyncio.to_thread(databases.fresh, engine, schema)
    assert place.address is not None
    two = Two(Database.untouched(path), Database.on_server(place.address, schema, LIMITS, takes_turns=False), path)
    yield two
    await two.source.close()
    await two.target.close()


# --- Every table of every context. ---


@on_servers
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.context)
async def test_every_table_of_every_context(engine: str, databases: Databases, tmp_path: Path, schema: Schema) -> None:
    path = tmp_path / "source.sqlite3"
    prepare_schema(path, schema)
    names = {table.name for table in schema.metadata.sorted_tables}
    file = create_engine(f"sqlite:///{path}")
    with file.begin() as connection:
        assert set(fill(connection, names, count=7)) == names
    file.dispose()
    async with opened(engine, databases, tmp_path, schema) as two:
        for table in schema.metadata.sorted_tables:
            assert await two.copy(table) == 7
            assert await two.copy(table) == 0
            assert (await two.compare(table))[0] == 7
            assert len(await two.all(stored(table))) == 7


def test_every_column_is_of_a_kind_that_can_be_moved() -> None:
    for schema in SCHEMAS:
        for table in schema.metadata.sorted_tables:
            assert [column.name for column in stored(table).columns] == [column.name for column in table.columns]
            assert list(stored(table).primary_key), table


def test_a_column_of_another_kind_is_a_mistake_that_shows() -> None:
    table = Table("weights", MetaData(), Column("id", Integer, primary_key=True), Column("grams", Float))
    with pytest.raises(TypeError, match=r"weights\.grams"):
        stored(table)


# --- One table of every kind of column. ---

METADATA = new_metadata()
owners = Table("owners", METADATA, Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True))
things = Table(
    "things",
    METADATA,
    Column("name", Exact(700), primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("owner_id", ForeignKey("owners.id"), nullable=False),
    Column("at", Microseconds),
    Column("day", Date),
    Column("is_good", Boolean),
    Column("window", Long),
    Column("small", Integer),
)
THINGS = Schema("things", METADATA, head="0001")


def thing(name: str, place: int = 0, **fields: object) -> Any:  # noqa: ANN401 - of SQLAlchemy
    return insert(things).values(name=name, place=place, owner_id=1, **fields)


@pytest.fixture
async def two(engine: str, databases: Databases, tmp_path: Path) -> AsyncIterator[Two]:
    prepare_schema(tmp_path / "source.sqlite3", THINGS)
    async with opened(engine, databases, tmp_path, THINGS) as two:
        two.write(insert(owners).values([{"id": 1}, {"id": 7}, {"id": 12}]))
        yield two


@on_servers
async def test_values_arrive_as_they_are(two: Two) -> None:
    extremes = (LARGEST, -LARGEST - 1, 0, -1)
    two.write(
        *(thing(name, window=name) for name in TEXTS),
        *(thing("numbers", place, at=None, small=-5) for place in extremes),
        thing("moments", 1, at=moment(-1)),
        thing("moments", 2, at=moment(253_402_300_799_999_999)),
        thing("flags", 1, is_good=True, day=date(1, 1, 1)),
        thing("flags", 2, is_good=False, day=date(9999, 12, 31)),
    )
    await two.copy(owners)
    count = len(TEXTS) + len(extremes) + 4
    assert await two.copy(things) == count
    digests = {await two.compare(things, batch) for batch in (1, 4, 1_000)}
    assert len(digests) == 1
    kept = {row[:2]: row for row in await two.all(things)}
    assert {name for name, _ in kept} >= set(TEXTS)
    assert kept["moments", 1][3] == moment(-1)
    assert kept["flags", 2][4:6] == (date(9999, 12, 31), False)


@on_servers
async def test_a_digest_is_the_same_on_every_server(two: Two) -> None:
    two.write(thing("Grüße 😀", 3, is_good=True, day=date(2026, 1, 2), at=moment(5), window="…", small=1))
    await two.copy(owners)
    await two.copy(things)
    # Of this row, written down once: a digest that differs by database would not be it on both.
    assert (await two.compare(things))[1] == "a3ee386cf6ced4aeb8eb7cd8bb3f47c1334f841ec866c44adb3b0d42ee51ad53"


@on_servers
async def test_a_copy_that_was_cut_short_goes_on_and_doubles_nothing(two: Two) -> None:
    two.write(*(thing(f"thing {number:02}", number % 3) for number in range(20)))
    await two.copy(owners)

    class Cut(Exception):
        pass

    for cut in (1, 2, 5):
        left = cut

        def advance(_rows: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Cut

        with pytest.raises(Cut):
            await copy(two.source, two.target, things, 2, advance)
        assert await is_ours(two.source, two.target, things)
    assert len(await two.all(things)) == 2 * (1 + 2 + 5)
    assert await two.copy(things) == 4
    assert (await two.compare(things))[0] == 20


@on_servers
async def test_numbers_that_the_database_gives_go_on(two: Two) -> None:
    await two.copy(owners)
    async with two.target.transaction(EVERYTHING) as connection:
        made = await connection.execute(insert(owners))
        assert made.inserted_primary_key == (13,)


@on_servers
async def test_the_first_number_of_an_empty_table_is_one(two: Two) -> None:
    two.write(delete(owners))
    await two.copy(owners)
    async with two.target.transaction(EVERYTHING) as connection:
        made = await connection.execute(insert(owners))
        assert made.inserted_primary_key == (1,)


@on_servers
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            update(things).where(things.c.name == "b").values(small=2),
            r"things \(name 'b', place 0\) is another .*: small differ",
        ),
        (update(things).where(things.c.name == "b").values(at=moment(1)), "at differ"),
        (delete(things).where(things.c.name == "b"), r"\(name 'b', place 0\) is missing in the copy"),
        (delete(things).where(things.c.name == "e"), r"\(name 'e', place 0\) is missing in the copy"),
        (thing("bb"), r"\(name 'bb', place 0\) is in the copy alone"),
        (thing("f"), r"\(name 'f', place 0\) is in the copy alone"),
    ],
)
async def test_whatever_differs_is_found_and_named(two: Two, change: Any, told: str) -> None:  # noqa: ANN401 - a statement
    two.write(*(thing(name, small=1) for name in "abcde"))
    await two.copy(owners)
    await two.copy(things)
    await two.there(change)
    for batch in (1, 2, 100):
        with pytest.raises(Different, match=told) as caught:
            await two.compare(things, batch)
        assert "Grüße" not in caught.value.message


@on_servers
async def test_rows_of_somebody_else_are_not_taken_for_ours(two: Two) -> None:
    two.write(*(thing(name, small=1) for name in "ace"))
    await two.copy(owners)
    await two.there(thing("b", small=1))
    assert not await is_ours(two.source, two.target, things)
    await two.there(delete(things))
    await two.there(thing("a", small=2))
    assert not await is_ours(two.source, two.target, things)


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_row_that_a_server_cannot_keep_is_named(two: Two) -> None:
    two.write(*(thing(name) for name in "abc"), thing("d", window="zero \x00 byte"), thing("e"))
    await two.copy(owners)
    with pytest.raises(RowRefused, match=r"things \(name 'd', place 0\) cannot be kept by that server: .*0x00"):
        await two.copy(things, 10)
    assert await two.all(things) == []


@on_servers
async def test_what_is_too_long_or_too_large_is_named(two: Two) -> None:
    two.write(thing("a"), text("INSERT INTO things (name, place, owner_id, small) VALUES ('b', 0, 1, 3000000000)"))
    await two.copy(owners)
    with pytest.raises(RowRefused, match=r"things \(name 'b', place 0\)"):
        await two.copy(things)
    two.write(delete(things), thing("a"), thing("x" * 701))
    with pytest.raises(RowRefused, match=r"things \(name 'xxx"):
        await two.copy(things)


@on_servers
@pytest.mark.parametrize(
    ("column", "value"), [("small", "'many'"), ("small", "1.5"), ("window", "x'00'"), ("at", "'noon'"), ("day", "'x'")]
)
async def test_what_is_of_a_wrong_kind_in_a_file_is_named(two: Two, column: str, value: str) -> None:
    statement = f"INSERT INTO things (name, place, owner_id, \"{column}\") VALUES ('b', 0, 1, {value})"  # noqa: S608 - no input
    two.write(thing("a"), text(statement))
    await two.copy(owners)
    with pytest.raises(ForeignValue, match=column):
        await two.copy(things)
