"""On PostgreSQL records of each month lie apart: which lies where, that each counts once whatever clocks said, and that none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, event, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.ext.asyncio import create_async_engine

from headworks.dataplane.events import UsageEvent
from headworks.kernel.clock import now
from headworks.kernel.database import EVERYTHING, Address, Database, prepare_schema
from headworks.kernel.database.moving import compare, copy
from headworks.kernel.database.schema import script_config
from headworks.kernel.database.server_schema import migrate
from headworks.kernel.moments import micros
from headworks.kernel.pagination import PageRequest
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.ledger.settings import LedgerSettings
from headworks.ledger.tasks import Keeper
from headworks.usage.adapters.sql import partitions as module
from headworks.usage.adapters.sql.partitions import Partitions, months_in
from headworks.usage.adapters.tables import REST, SCHEMA, events
from headworks.usage.contracts import Figures
from headworks.usage.domain.months import month_of
from headworks.usage.ports import RecordFilter, ReportFilter
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper
from headworks.usage.tasks import ingest
from tests.support.databases import LIMITS, Databases
from tests.support.ledgers import ORG, FixedPrices, faults, spending
from tests.support.schemas import contents
from tests.support.usage_stores import Accounting, accounting_on, prepare_usage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
LATER = datetime(2026, 9, 10, 12, tzinfo=UTC)
THREE_MONTHS = UsageSettings(record_months=3)


@dataclass
class Parted:
    """A new database on PostgreSQL, and usage in it."""

    address: Address
    database: Database
    books: Accounting

    async def store(self, *usage: UsageEvent, at: datetime = NOW) -> tuple[int, int, int]:
        """As the shipper does; how many were stored, redelivered and put aside."""
        done = await ingest(self.books.usage, FixedPrices(), usage, clock=lambda: at)
        return done.stored, done.redelivered, done.rejected

    async def keep(self, at: datetime, settings: UsageSettings = THREE_MONTHS) -> None:
        """What the worker does by the clock."""
        await UsageKeeper(self.books.usage, settings, lambda: at).look_after()
        await Keeper(self.books.ledger, LedgerSettings(), lambda: at).forget()

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.database.read(EVERYTHING) as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(statement)]

    async def places(self) -> dict[str, int]:
        """How many records each partition holds, of those that hold any; without the beginning of their names."""
        found = await self.rows("SELECT tableoid::regclass::text, count(*) FROM usage_events GROUP BY 1 ORDER BY 1")
        return {name.removeprefix("usage_events_"): count for name, count in found}

    async def partitions(self) -> list[str]:
        listed = (
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_events'::regclass ORDER BY 1"
        )
        return [name.removeprefix("usage_events_") for (name,) in await self.rows(listed)]

    async def figures(self) -> Figures:
        async with self.books.usage.read(None) as reading:
            _, whole = await reading.report(ReportFilter(None, "day", 0, 2**33), (), PageRequest())
        return whole.figures

    async def listed(self) -> int:
        async with self.books.usage.read(None) as reading:
            return len(await reading.records(RecordFilter(ORG), None, 1_000))


@pytest.fixture
async def parted(databases: Databases) -> AsyncIterator[Parted]:
    address = await asyncio.to_thread(databases.new, "postgresql")
    for schema in (SCHEMA, LEDGER):
        await migrate(address, schema, LIMITS)
    database = Database.on_server(address, SCHEMA, LIMITS, takes_turns=False)
    yield Parted(address, database, accounting_on(database))
    await database.close()


def id_of(at: datetime, number: int = 0) -> str:
    """As the engine makes it: of the clock that the request met."""
    return f"req_{micros(at) // 1_000:012x}{number:020x}"


def used(at: datetime, number: int = 0, tokens: int = 1, **fields: object) -> UsageEvent:
    """One request, as a gateway whose clock said `at` tells it."""
    return spending(number, tokens, event_id=id_of(at, number), occurred_at_us=micros(at), **fields)


# --- Which lies where. ---


async def test_records_of_three_months_lie_in_three_partitions(parted: Parted) -> None:
    times = [NOW - 30 * DAY, NOW - DAY, NOW]
    assert await parted.store(*(used(at, number) for number, at in enumerate(times))) == (3, 0, 0)
    assert await parted.store(used(NOW + 30 * DAY, 9), at=NOW + 30 * DAY) == (1, 0, 0)
    assert await parted.places() == {"2026_02": 1, "2026_03": 2, "2026_04": 1}
    assert await parted.listed() == 4
    assert await faults(parted.books) == []


async def test_a_month_begins_with_its_first_millisecond(parted: Parted) -> None:
    april = datetime(2026, 4, 1, tzinfo=UTC)
    edges = [april - timedelta(milliseconds=1), april]
    await parted.store(*(used(at, number) for number, at in enumerate(edges)), at=april)
    assert await parted.places() == {"2026_03": 1, "2026_04": 1}


async def test_partitions_are_made_ahead_and_once(parted: Parted) -> None:
    usage = parted.books.usage
    assert await usage.make_partitions(NOW) == ["usage_events_2026_02", "usage_events_2026_03", "usage_events_2026_04"]
    assert await usage.make_partitions(NOW) == []
    assert await Partitions(parted.database).make(NOW) == []
    assert await parted.partitions() == ["2026_02", "2026_03", "2026_04", "rest"]
    await parted.keep(NOW + 20 * DAY)
    assert "2026_05" in await parted.partitions()


async def test_many_make_while_others_store(parted: Parted) -> None:
    makers = [Partitions(parted.database) for _ in range(4)]
    usage = [used(NOW, number) for number in range(40)]
    storing = [asyncio.create_task(parted.store(one)) for one in usage]
    made = await asyncio.gather(*(maker.make(NOW) for maker in makers))
    assert await asyncio.gather(*storing) == [(1, 0, 0)] * len(usage)
    names = [name for some in made for name in some]
    assert len(names) == len(set(names))
    assert await parted.places() == {"2026_03": 40}


async def test_what_can_not_be_made_keeps_no_record_from_being_stored(parted: Parted) -> None:
    other = Database.on_server(parted.address, SCHEMA, LIMITS, takes_turns=False)
    async with other.transaction(EVERYTHING) as connection:
        await connection.exec_driver_sql("LOCK TABLE ONLY usage_events IN SHARE UPDATE EXCLUSIVE MODE")
        assert await parted.store(used(NOW)) == (1, 0, 0)
    await other.close()
    assert await parted.places() == {"rest": 1}
    assert await Partitions(parted.database).make(NOW) != []
    assert await parted.places() == {"2026_03": 1}
    assert await parted.store(used(NOW)) == (0, 1, 0)


async def test_much_that_lies_in_the_rest_stays_there(parted: Parted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_MOVED", 2)
    ahead = NOW + 60 * DAY
    await parted.store(*(used(ahead, number) for number in range(3)))
    assert "usage_events_2026_05" not in await Partitions(parted.database).make(ahead)
    assert await parted.places() == {"rest": 3}
    assert await parted.store(used(ahead, 0), used(ahead, 7), at=ahead) == (1, 1, 0)


# --- Each once, whatever clocks said. ---


@pytest.mark.parametrize(
    ("clock", "place"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "rest"),
        (datetime(2100, 1, 1, tzinfo=UTC), "rest"),
        (NOW - 60 * DAY, "rest"),
        (NOW + 10 * MINUTE, "2026_03"),
        (NOW + 20 * DAY, "2026_04"),
        (NOW + 90 * DAY, "rest"),
    ],
)
async def test_a_record_of_a_wrong_clock_is_stored_and_counts_once(parted: Parted, clock: datetime, place: str) -> None:
    """Its time is moved to where it can be right, and the next delivery is moved to elsewhere: the id alone stays the same."""
    one = used(clock, tokens=7)
    assert await parted.store(one) == (1, 0, 0)
    assert await parted.places() == {place: 1}
    for at in (NOW + 6 * MINUTE, NOW + 40 * DAY, NOW + 100 * DAY):
        await parted.keep(at, UsageSettings())
        assert await parted.store(one, at=at) == (0, 1, 0)
        assert await parted.store(one, used(at, 3), one, at=at) == (1, 2, 0)
    assert (await parted.figures()).charge_nanodollars == 7 + 3
    assert await faults(parted.books) == []


async def test_what_a_clock_brought_too_early_is_taken_into_its_month(parted: Parted) -> None:
    ahead = NOW + 90 * DAY
    await parted.store(used(ahead, 1), used(ahead, 2), used(datetime(2100, 1, 1, tzinfo=UTC), 3))
    assert await parted.places() == {"rest": 3}
    await parted.keep(ahead - 20 * DAY, UsageSettings())
    assert await parted.places() == {"2026_06": 2, "rest": 1}
    assert await parted.store(used(ahead, 1), used(ahead, 4), at=ahead) == (1, 1, 0)
    assert await faults(parted.books) == []


async def test_ids_that_are_none_of_the_engines_are_kept_once_too(parted: Parted) -> None:
    odd = [used(NOW)._replace(event_id=event_id) for event_id in ("bulk_1", "req_1", "zzz", "~", "req_", "0", "A")]
    assert await parted.store(*odd) == (7, 0, 0)
    assert await parted.store(*odd, at=NOW + DAY) == (0, 7, 0)
    assert await parted.places() == {"rest": 7}


async def test_the_same_id_of_another_spool_is_another_record(parted: Parted) -> None:
    assert await parted.store(used(NOW), used(NOW, source="other")) == (2, 0, 0)
    assert await parted.store(used(NOW, source="other"), used(NOW)) == (0, 2, 0)


# --- Forgotten months. ---


async def test_a_month_that_is_forgotten_goes_whole_and_the_books_still_balance(parted: Parted) -> None:
    for number, at in enumerate((NOW - 30 * DAY, NOW, NOW + 30 * DAY, LATER)):
        await parted.store(used(at, number, 10), used(at, 10 + number, 5, organization_id="org_2"), at=at)
    before = await parted.figures()
    await parted.keep(LATER)
    # The first round forgets, the next finds them empty.
    await parted.keep(LATER)
    assert await parted.places() == {"2026_09": 2}
    assert await parted.partitions() == ["2026_08", "2026_09", "2026_10", "rest"]
    assert await parted.figures() == before
    assert [*await faults(parted.books), *await faults(parted.books, "org_2")] == []
    # What went is not stored again: it is put aside, and told.
    assert await parted.store(used(NOW, 1, 10), at=LATER) == (0, 0, 1)
    assert await parted.figures() == before


async def test_a_month_with_one_record_left_stays(parted: Parted) -> None:
    await parted.store(used(NOW, 1, 10))
    await parted.store(used(NOW, 2, 10))
    await parted.keep(LATER)
    await parted.keep(LATER)
    # The newest of all stays.
    assert await parted.places() == {"2026_03": 1}
    assert await faults(parted.books) == []


async def test_a_month_into_which_something_came_meanwhile_stays(
    parted: Parted, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parted.store(used(NOW, 1, 10))
    monkeypatch.setattr(module, "_is_empty", yes_then(module._is_empty))
    before_us = micros(datetime(2026, 4, 1, tzinfo=UTC))
    dropped = await Partitions(parted.database).drop(before_us)
    assert "usage_events_2026_03" not in dropped
    assert await parted.places() == {"2026_03": 1}


def yes_then(really: Any) -> Any:  # noqa: ANN401 - a function of the module's
    """The first look finds everything empty; what is looked at under the lock is true."""
    seen: set[str] = set()

    async def look(connection: object, name: str) -> bool:
        if name not in seen:
            seen.add(name)
            return True
        return bool(await really(connection, name))

    return look


async def test_nothing_is_dropped_while_somebody_reads_it_and_then_it_is(parted: Parted) -> None:
    await parted.books.usage.make_partitions(NOW)
    before_us = micros(datetime(2026, 4, 1, tzinfo=UTC))
    async with parted.database.moment(EVERYTHING) as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM usage_events")
        assert await Partitions(parted.database).drop(before_us) == []
    assert await Partitions(parted.database).drop(before_us) == ["usage_events_2026_02", "usage_events_2026_03"]
    assert await parted.partitions() == ["2026_04", "rest"]


# --- Looking one up asks one partition. ---


async def test_an_id_leads_to_one_partition(parted: Parted) -> None:
    await parted.store(used(NOW, 1), used(NOW - 30 * DAY, 2))
    by_id = events.select().where(events.c.source_id == 1, events.c.event_id.in_([id_of(NOW, 1), id_of(NOW, 2)]))
    dialect = PGDialect()  # type: ignore[no-untyped-call]
    asked = by_id.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    plan = "\n".join(line for (line,) in await parted.rows(f"EXPLAIN {asked}"))
    assert "usage_events_2026_03" in plan
    assert "usage_events_2026_02" not in plan
    assert REST not in plan


async def test_what_is_delivered_again_is_looked_up_by_its_id(parted: Parted) -> None:
    """However many there are: compared with each of them, a batch that was stored in part never came to its end."""
    usage = [used(NOW, number) for number in range(3_000)]
    await parted.store(*usage)
    async with parted.database.transaction(EVERYTHING) as connection:
        await connection.exec_driver_sql("ANALYZE")
    asked: list[tuple[str, Any]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "event_id IN" in statement or "event_id) IN" in statement:
            asked.append((statement, parameters))

    listening = parted.database._writer.sync_engine, "before_cursor_execute", hear
    event.listen(*listening)
    assert await parted.store(*usage[:20]) == (0, 20, 0)
    event.remove(*listening)
    ((statement, parameters),) = asked
    async with parted.database.read(EVERYTHING) as connection:
        plan = list((await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars())
    (found,) = (line for line in plan if "Index Cond" in line and "event_id" in line)
    assert "source_id" in found
    assert not any("Seq Scan on usage_events" in line for line in plan)


# --- Into partitions, and out of them. ---


def step(connection: Connection, to: str) -> None:
    """Take or take back the scripts' steps."""
    config = script_config(SCHEMA, SCHEMA.version_table)
    config.attributes["connection"] = connection
    (command.upgrade if to == "head" else command.downgrade)(config, to)


async def on(address: Address, work: Any) -> Any:  # noqa: ANN401 - a function of a connection, and what it gives
    engine = create_async_engine(address.url())
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def all_of(connection: Connection) -> list[tuple[Any, ...]]:
    columns = ", ".join(sorted(column.name for column in events.columns))
    return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM usage_events ORDER BY id"))]  # noqa: S608 - names of ours


async def test_a_migration_takes_every_record_along_and_back(parted: Parted) -> None:
    """From the old table, with ids of all kinds, into partitions; from those into the old table."""
    today = now()
    ids = [id_of(today), id_of(today - 400 * DAY), id_of(today + 400 * DAY), "bulk_1", "zzz"]
    await on(parted.address, lambda connection: step(connection, "0007"))
    old = await on(parted.address, lambda connection: contents(connection, ["usage_events"]))
    assert await parted.rows("SELECT relkind FROM pg_class WHERE relname = 'usage_events'") == [(b"r",)]
    await parted.store(*(used(today, number)._replace(event_id=one) for number, one in enumerate(ids)), at=today)
    before = await on(parted.address, all_of)
    assert len(before) == 5

    await on(parted.address, lambda connection: step(connection, "head"))
    assert await on(parted.address, all_of) == before
    places = await parted.places()
    (until,) = (name for name in places if name != "rest")
    assert until.startswith("until_")
    assert places == {until: 3, "rest": 2}
    # What is made now begins where that ends.
    made = await Partitions(parted.database).make(today)
    assert made == [f"usage_events_{month_of(month_of(today.date()) + 31 * DAY):%Y_%m}"]
    again = [used(today, number)._replace(event_id=one) for number, one in enumerate(ids)]
    assert await parted.store(*again, used(today, 9), at=today + DAY) == (1, 5, 0)
    numbers = [number for (number,) in await parted.rows("SELECT id FROM usage_events ORDER BY id")]
    assert len(set(numbers)) == 6
    assert numbers[:5] == [1, 2, 3, 4, 5]

    parted_rows = await on(parted.address, all_of)
    await on(parted.address, lambda connection: step(connection, "0007"))
    assert await on(parted.address, all_of) == parted_rows
    assert await on(parted.address, lambda connection: contents(connection, ["usage_events"])) == old
    assert await parted.partitions() == []
    assert await parted.store(*again, used(today, 10), at=today + DAY) == (1, 5, 0)

    await on(parted.address, lambda connection: step(connection, "head"))
    assert len(await on(parted.address, all_of)) == 7
    assert await faults(parted.books) == []


async def test_a_store_that_is_moved_lands_in_partitions(parted: Parted, tmp_path: Path) -> None:
    source = prepare_usage(tmp_path / "usage.sqlite3")
    books = accounting_on(source)
    times = [datetime(2024, 2, 29, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC), NOW]
    for number, at in enumerate((*times, datetime(2100, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))):
        when = min(max(at, times[0]), NOW)
        done = await ingest(books.usage, FixedPrices(), [used(at, number)], clock=lambda when=when: when)
        assert done.stored == 1
    months = await months_in(source, NOW)
    assert {date(2024, 2, 1), date(2025, 12, 1), date(2026, 3, 1)} <= set(months)
    assert len(months) <= 6
    await Partitions(parted.database).make_months(months)
    for table in SCHEMA.metadata.sorted_tables:
        await copy(source, parted.database, table, 2, lambda _: None)
    assert (await compare(source, parted.database, events, 2, lambda _: None)).rows == 5
    assert await parted.places() == {"2024_02": 1, "2025_12": 1, "2026_03": 1, "rest": 2}
    await source.close()


def test_files_have_one_table(tmp_path: Path) -> None:
    prepare_schema(tmp_path / "x", SCHEMA)
    database = Database.sqlite(tmp_path / "x")

    async def make() -> tuple[list[str], list[str]]:
        partitions = Partitions(database)
        done = await partitions.make(NOW), await partitions.drop(micros(LATER))
        await database.close()
        return done

    assert asyncio.run(make()) == ([], [])
