"""How many tags roll-ups tell apart, held by every adapter: sums made anew are those that were added up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from headworks.kernel.moments import micros
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands as ledger_commands
from headworks.ledger.contracts import RecordRange
from headworks.usage import commands
from headworks.usage.adapters.sql import SqlStore
from headworks.usage.domain.admission import OTHER, SETS_A_VALUE
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.rollups import SECONDS, Compared, add_up, parts_of
from headworks.usage.ports import RecordFilter, ReportFilter, UsageStore
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import ingest
from tests.support.databases import ENGINES, Place
from tests.support.ledgers import ORG, FixedPrices, spend, spending
from tests.support.usage_stores import Accounting, accounting_in_memory, accounting_on, sql_usage

FEW = 3
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOON_US = micros(NOON)
NEXT_MONTH = NOON + timedelta(days=1)
WRITERS = 4
EVERYTHING = (*TEXTS, "tag:run", "tag:team", "tag:(other)")
SETTINGS = UsageSettings(minute_hours=24 * 366)


@pytest.fixture
async def few(usage_place: Place | None) -> AsyncIterator[Accounting]:
    """Of stores that tell few tags apart."""
    if usage_place is None:
        yield accounting_in_memory(FEW)
        return
    async with opened(usage_place) as accounts:
        yield accounts


@asynccontextmanager
async def opened(place: Place | None, tag_values: int = FEW) -> AsyncIterator[Accounting]:
    """As another process would."""
    assert place is not None
    database = place.open()
    try:
        yield accounting_on(database, tag_values)
    finally:
        await database.close()


async def tagged(
    books: Accounting, first: int, *tags: dict[str, str], at: datetime = NOON, organization_id: str = ORG
) -> None:
    """A record of a token for each."""
    changes = {"occurred_at_us": micros(at), "organization_id": organization_id}
    await spend(
        books,
        *(
            spending(first + number, 1, tags=json.dumps(one) if one else "", **changes)
            for number, one in enumerate(tags)
        ),
        at=at,
    )


async def by_tag(usage: UsageStore, *names: str, at: datetime = NOON, organization_id: str = ORG) -> dict[Any, int]:
    """How many requests a day's report shows, by the values of tags."""
    day_s = micros(at.replace(hour=0, minute=0, second=0)) // 10**6
    wanted = ReportFilter(organization_id, "day", day_s, day_s + SECONDS["day"])
    async with usage.read(None) as reading:
        page, _ = await reading.report(wanted, [f"tag:{name}" for name in names], PageRequest(1, 1_000))
    return {row.values if len(names) > 1 else row.values[0]: row.figures.requests for row in page.items}


async def every_sum(usage: UsageStore) -> list[Any]:
    found = []
    async with usage.read(None) as reading:
        for grain in SECONDS:
            wanted = ReportFilter(None, grain, 0, 2**33)
            found.append((await reading.report(wanted, (*EVERYTHING, grain), PageRequest(1, 1_000)))[0].items)
    return found


async def compared(usage: UsageStore, at: datetime = NOON) -> Compared:
    hour_s = micros(at.replace(minute=0, second=0)) // 10**6
    return await commands.compare_hour(usage, SETTINGS, hour_s, hour_s)


async def made_anew(usage: UsageStore, *days: datetime) -> list[Any]:
    for at in days:
        await commands.ask_anew(usage, ORG, at.date(), at.date())
    while await commands.make_next_hour(usage, SETTINGS, micros(max(days)) // 10**6):
        pass
    return await every_sum(usage)


async def holds(usage: UsageStore, *days: datetime) -> None:
    """Roll-ups are what the records say, and are again when they are made anew."""
    before = await every_sum(usage)
    for at in days:
        found = await compared(usage, at)
        assert (found.sums > 0, found.wrong) == (True, 0)
    assert await made_anew(usage, *days) == before
    assert [(await compared(usage, at)).wrong for at in days] == [0] * len(days)


async def test_what_is_beyond_is_summed_as_other_and_records_keep_it(few: Accounting) -> None:
    runs = [{"run": str(number), "team": "a"} for number in range(6)]
    await tagged(few, 0, *runs[:2])
    await tagged(few, 2, *runs[2:])
    await tagged(few, 6, {"run": "1"}, {"run": "5"}, {"run": OTHER}, {"team": "b"})
    assert await by_tag(few.usage, "run") == {"0": 1, "1": 2, "2": 1, OTHER: 5, None: 1}
    assert await by_tag(few.usage, "team") == {"a": 6, "b": 1, None: 3}
    async with few.usage.read(None) as reading:
        records = await reading.records(RecordFilter(ORG), None, 100)
    assert [json.loads(one.event.tags) for one in reversed(records)][:6] == runs
    await holds(few.usage, NOON)


async def test_what_has_a_place_has_it_in_each_organisation_and_month(few: Accounting) -> None:
    runs = [{"run": str(number)} for number in range(4)]
    await tagged(few, 0, *runs)
    await tagged(few, 10, *reversed(runs), at=NEXT_MONTH)
    await tagged(few, 20, *runs[2:], organization_id="org_2")
    assert await by_tag(few.usage, "run") == {"0": 1, "1": 1, "2": 1, OTHER: 1}
    # In one batch they find their places in order.
    assert await by_tag(few.usage, "run", at=NEXT_MONTH) == {"0": 1, "1": 1, "2": 1, OTHER: 1}
    assert await by_tag(few.usage, "run", organization_id="org_2") == {"2": 1, "3": 1}
    await tagged(few, 30, {"run": "8"}, {"run": "9"}, at=NEXT_MONTH, organization_id="org_2")
    assert await by_tag(few.usage, "run", at=NEXT_MONTH, organization_id="org_2") == {"8": 1, "9": 1}
    await holds(few.usage, NOON, NEXT_MONTH)


async def test_the_last_minute_of_a_month_is_of_that_month(few: Accounting) -> None:
    end = NEXT_MONTH.replace(hour=0) - timedelta(seconds=1)
    await tagged(few, 0, *({"run": str(number)} for number in range(4)), at=end)
    await tagged(few, 10, {"run": "9"}, at=end + timedelta(seconds=1))
    assert (await by_tag(few.usage, "run", at=end))[OTHER] == 1
    assert await by_tag(few.usage, "run", at=NEXT_MONTH) == {"9": 1}
    await holds(few.usage, end, NEXT_MONTH.replace(hour=0))


async def test_combinations_are_no_more_than_there_is_room_for(few: Accounting) -> None:
    names = [f"n{number}" for number in range(6)]
    await tagged(few, 0, *({one: "a", other: "b"} for one in names for other in names if one != other))
    await tagged(few, 50, {"new": "1"}, {"n0": "c", "n1": "c"}, {"n0": "a", "n1": "b"})
    async with few.usage.read(None) as reading:
        page, whole = await reading.report(
            ReportFilter(ORG, "day", 0, 2**33), [f"tag:{name}" for name in (*names, "new", OTHER)], PageRequest(1, 100)
        )
    found = {row.values: row.figures.requests for row in page.items}
    assert whole.figures.requests == 33
    assert SETS_A_VALUE * FEW / 2 < len(found) <= SETS_A_VALUE * FEW + 1
    assert found[None, None, None, None, None, None, None, OTHER] > 0, "names that are of no set that has a place"
    assert found[OTHER, OTHER, None, None, None, None, None, None] == 1
    await holds(few.usage, NOON)


async def test_a_record_that_is_summed_as_other_is_rated_anew_there(few: Accounting) -> None:
    await tagged(few, 0, *({"run": str(number)} for number in range(5)))
    async with few.ledger.writing(ORG) as unit:
        outcome = await ledger_commands.rerate(unit, FixedPrices(3).book, RecordRange(0), NOON_US)
    assert outcome.re_rating is not None
    async with few.usage.read(None) as reading:
        page, _ = await reading.report(ReportFilter(ORG, "day", 0, 2**33), ["tag:run"], PageRequest())
    assert [(*row.values, row.figures.charge_nanodollars) for row in page.items] == [
        (OTHER, 6),
        ("0", 3),
        ("1", 3),
        ("2", 3),
    ]
    await holds(few.usage, NOON)


async def recorded(books: Accounting, *numbers: int) -> None:
    """Without sums, as if they were lost."""
    some = [spending(number, 1, occurred_at_us=NOON_US, tags=f'{{"run":"{number}"}}') for number in numbers]
    batch = commands.prepare(some, FixedPrices().book, await books.usage.bookkeeper.mark_up_book(), NOON)
    async with books.usage.transaction() as unit:
        await unit.add_rows(batch.rows, await unit.books.begin({ORG}, NOON_US))


async def test_what_was_never_added_up_finds_a_place_when_it_is(few: Accounting) -> None:
    await tagged(few, 0, {"run": "a"})
    await recorded(few, 1, 2, 3, 4)
    assert (await compared(few.usage)).wrong > 0
    await made_anew(few.usage, NOON)
    assert await by_tag(few.usage, "run") == {"a": 1, "1": 1, "2": 1, OTHER: 2}
    await holds(few.usage, NOON)


async def test_a_month_may_begin_with_a_re_rating(few: Accounting) -> None:
    await recorded(few, 1, 2, 3, 4, 5)
    async with few.ledger.writing(ORG) as unit:
        await ledger_commands.rerate(unit, FixedPrices(3).book, RecordRange(0), NOON_US)
    await made_anew(few.usage, NOON)
    assert await by_tag(few.usage, "run") == {"1": 1, "2": 1, "3": 1, OTHER: 2}
    await holds(few.usage, NOON)


async def test_what_is_taken_back_takes_no_place(few: Accounting) -> None:
    class Broken(Exception):
        pass

    def fail() -> None:
        raise Broken

    runs = [spending(number, 1, occurred_at_us=NOON_US, tags=f'{{"run":"{number}"}}') for number in range(6)]
    with pytest.raises(Broken):
        await ingest(few.usage, FixedPrices(), runs[:3], clock=lambda: NOON, before_commit=fail)
    await ingest(few.usage, FixedPrices(), runs[3:], clock=lambda: NOON)
    await ingest(few.usage, FixedPrices(), runs[:3], clock=lambda: NOON)
    assert await by_tag(few.usage, "run") == {"3": 1, "4": 1, "5": 1, OTHER: 3}
    await holds(few.usage, NOON)


@pytest.mark.parametrize("engine", ENGINES)
async def test_another_number_holds_from_the_next_month_on(usage_place: Place | None) -> None:
    runs = [{"run": str(number)} for number in range(8)]
    async with opened(usage_place) as books:
        await tagged(books, 0, *runs)
    for tag_values, places in ((5, 5), (1, 5)):
        async with opened(usage_place, tag_values) as books:
            first = 100 * tag_values
            await tagged(books, first, *runs)
            await tagged(books, first + 10, *runs, at=NEXT_MONTH)
            assert len(await by_tag(books.usage, "run")) == FEW + 1
            assert len(await by_tag(books.usage, "run", at=NEXT_MONTH)) == places + 1
            await holds(books.usage, NOON, NEXT_MONTH)


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_fills_up_is_said_once(usage_place: Place | None) -> None:
    async with opened(usage_place) as books:
        with capture_logs() as logs:
            for number in range(0, 24, 2):
                await tagged(books, number, {"run": str(number)}, {"run": str(number), "team": "a"})
            await made_anew(books.usage, NOON)
    assert [(one["log_level"], one["organization_id"], one["month"], one["full"]) for one in logs if "full" in one] == [
        ("warning", ORG, "2026-01", "values of run")
    ]


@pytest.mark.parametrize("engine", ENGINES)
async def test_known_tags_cost_no_statement(usage_place: Place | None) -> None:
    assert usage_place is not None
    database = usage_place.open()
    seen: list[str] = []
    event.listen(database._writer.sync_engine, "after_cursor_execute", lambda *about: seen.append(about[2]))
    try:
        books = accounting_on(database, FEW)

        async def statements(first: int, *tags: dict[str, str]) -> int:
            seen.clear()
            await tagged(books, first, *tags)
            return len(seen)

        plain: list[dict[str, str]] = [{}, {}, {}]
        known = [{"run": "1"}, {"run": "2"}, {"team": "a"}]
        await statements(0, *plain)
        usual = await statements(10, *plain)
        await tagged(books, 20, *known, *({"run": str(number)} for number in range(9)))
        assert await statements(40, *known) == usual
        assert await statements(50, {"run": "new"}, {"run": "newer"}, {"team": "a"}) == usual, "nor what finds no place"
    finally:
        await database.close()


@pytest.mark.parametrize("engine", ENGINES)
async def test_writers_that_meet_admit_no_more_than_there_is_room_for(usage_place: Place | None) -> None:
    assert usage_place is not None
    databases = [usage_place.open() for _ in range(WRITERS)]
    try:
        stores = [sql_usage(database, FEW) for database in databases]

        async def store(usage: SqlStore, turn: int) -> None:
            for batch in range(4):
                runs = [(turn * 5 + batch * 3 + number * 7) % 11 for number in range(6)]
                some = [
                    spending(
                        1_000 * turn + 10 * batch + number,
                        1,
                        occurred_at_us=NOON_US,
                        organization_id=f"org_{1 + (number + turn) % 2}",
                        tags=json.dumps({"run": str(run), "team": "ab"[run % 2]}),
                    )
                    for number, run in enumerate(runs)
                ]
                done = await ingest(usage, FixedPrices(), some, clock=lambda: NOON)
                assert (done.stored, done.rejected) == (6, 0)

        await asyncio.gather(*(store(usage, turn) for turn, usage in enumerate(stores)))
        for owner in ("org_1", "org_2"):
            found = await by_tag(stores[0], "run", organization_id=owner)
            assert (len(found), OTHER in found, sum(found.values())) == (FEW + 1, True, 12 * WRITERS)
        await holds(stores[0], NOON)
    finally:
        for database in databases:
            await database.close()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ends_well", [True, False])
async def test_a_place_that_another_writer_is_about_to_take_is_waited_for(
    usage_place: Place | None, *, ends_well: bool
) -> None:
    """A value that one turned away, and the other admitted, would be added up otherwise than it is made anew."""
    async with opened(usage_place) as one, opened(usage_place) as other:
        await tagged(one, 0, {"run": "1"}, {"run": "2"})
        reached, go_on = asyncio.Event(), asyncio.Event()
        mine = spending(10, 1, occurred_at_us=NOON_US, tags='{"run":"mine"}')
        batch = commands.prepare([mine], FixedPrices().book, await one.usage.bookkeeper.mark_up_book(), NOON)

        async def first() -> None:
            async with one.usage.transaction() as unit:
                numbers = await unit.books.begin({ORG}, NOON_US)
                await unit.add_rows(batch.rows, numbers)
                await unit.add_sums(add_up(parts_of(batch.rows)))
                reached.set()
                await go_on.wait()
                if not ends_well:
                    raise LookupError

        task = asyncio.create_task(first())
        await reached.wait()
        second = asyncio.create_task(tagged(other, 20, {"run": "theirs"}))
        await asyncio.wait({second}, timeout=0.2)
        assert not second.done()
        go_on.set()
        await asyncio.gather(task, second, return_exceptions=True)
        assert second.exception() is None
        wanted = {"1": 1, "2": 1} | ({"mine": 1, OTHER: 1} if ends_well else {"theirs": 1})
        assert await by_tag(one.usage, "run") == wanted
        await holds(other.usage, NOON)
