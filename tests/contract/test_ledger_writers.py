"""Several processes at one ledger: what they are granted together is never more than there is, and all of it adds up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
from headworks.kernel.contention import until_it_holds
from headworks.ledger import commands
from headworks.ledger.contracts import MarkUpBook, Place, RecordRange
from headworks.ledger.facade import LedgerFacade
from headworks.usage.commands import ingest as usage_commands
from tests.support.databases import Place as DatabasePlace
from tests.support.ledgers import (
    DAY_US,
    HOUR_US,
    NOON,
    NOON_US,
    ORG,
    SETTINGS,
    FixedPrices,
    counters_of,
    faults,
    make_budget,
    spend,
    spending,
)
from tests.support.usage_stores import Accounting, accounting_in_memory, accounting_on

WRITERS = 8
AMOUNT = 10_000
DAY_START = NOON_US - 12 * HOUR_US


@asynccontextmanager
async def opened(place: DatabasePlace | None, count: int = WRITERS) -> AsyncIterator[list[Accounting]]:
    """As many processes would have it: connections of its own for each."""
    if place is None:
        yield [accounting_in_memory()] * count
        return
    async with AsyncExitStack() as stack:
        databases = [place.open() for _ in range(count)]
        for database in databases:
            stack.push_async_callback(database.close)
        yield [accounting_on(database) for database in databases]


@pytest.fixture
async def writers(usage_place: DatabasePlace | None) -> AsyncIterator[list[Accounting]]:
    async with opened(usage_place) as found:
        yield found


async def test_together_they_never_get_more_than_there_is(writers: list[Accounting]) -> None:
    budget = await make_budget(writers[0], AMOUNT)
    place = Place(budget.id, DAY_START)

    async def borrow(number: int) -> int:
        facade = LedgerFacade(writers[number].ledger, SETTINGS, lambda: NOON)
        got = 0
        while True:
            granted = await facade.grant(
                LeaseQuestion(f"gateway_{number}", *place, need=100, want=1_000, request_id="")
            )
            if isinstance(granted, Spent):
                return got
            got += granted.granted
            counters = await counters_of(writers[number], place)
            assert 0 <= counters.held <= AMOUNT

    borrowed = await asyncio.gather(*(borrow(number) for number in range(WRITERS)))
    counters = await counters_of(writers[0], place)
    assert sum(borrowed) == counters.held
    assert AMOUNT - 100 < counters.held <= AMOUNT
    assert await faults(writers[0]) == []


async def test_a_period_that_all_open_at_once_is_opened_once(writers: list[Accounting]) -> None:
    budget = await make_budget(writers[0], AMOUNT)
    tomorrow = NOON.replace(day=3)

    async def settle(number: int) -> None:
        await spend(writers[number], spending(number, 5, occurred_at_us=NOON_US + DAY_US), at=tomorrow)

    await asyncio.gather(*(settle(number) for number in range(WRITERS)))
    assert (await counters_of(writers[0], Place(budget.id, DAY_START + DAY_US))).spent == 5 * WRITERS
    assert await faults(writers[0]) == []


async def test_a_budget_that_is_made_amid_usage_misses_none_of_it(writers: list[Accounting]) -> None:
    async def settle(number: int) -> None:
        for turn in range(6):
            await spend(writers[number], spending(100 * number + turn, 3))

    async def make(number: int) -> str:
        await asyncio.sleep(0)
        return (await make_budget(writers[number], AMOUNT)).id

    *_, budget_id = await asyncio.gather(*(settle(number) for number in range(WRITERS - 1)), make(WRITERS - 1))
    assert isinstance(budget_id, str)
    assert (await counters_of(writers[0], Place(budget_id, DAY_START))).spent == 6 * 3 * (WRITERS - 1)
    assert await faults(writers[0]) == []


async def test_a_budget_that_is_made_before_usage_is_committed_waits_for_it(writers: list[Accounting]) -> None:
    event = spending(1, 7)
    batch = usage_commands.prepare([event], FixedPrices().book, MarkUpBook(()), NOON)
    async with writers[0].usage.transaction() as unit:
        await usage_commands._add(unit, batch, NOON)
        making = asyncio.create_task(make_budget(writers[1], AMOUNT))
        done, _ = await asyncio.wait({making}, timeout=0.5)
        assert not done, "it would not see what is not committed yet, and that has looked for budgets already"
    budget = await making
    assert (await counters_of(writers[0], Place(budget.id, DAY_START))).spent == 7
    assert await faults(writers[0]) == []


async def test_everything_at_once_still_adds_up(writers: list[Accounting]) -> None:
    """Leases, settlements, returns, raises, another price, and redeliveries, from everywhere."""
    first = await make_budget(writers[0], AMOUNT)
    second = await make_budget(writers[0], AMOUNT, scope="key", scope_id="key_1", hard=False)
    places = [Place(one.id, DAY_START) for one in (first, second)]
    named = ",".join(f"{place.budget_id}@{place.start_us}" for place in places)

    async def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - no secret
        books, source = writers[number], f"gateway_{number}"
        facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
        for turn in range(8):
            grants = [
                await facade.grant(LeaseQuestion(source, *place, need=20, want=200, request_id="")) for place in places
            ]
            drawn = 20 if all(isinstance(one, Lease) for one in grants) else 0
            event = spending(
                1000 * number + turn,
                chance.randrange(21),
                source=source,
                drawn_nanodollars=drawn,
                budgets=named if drawn else "",
                key_id=f"key_{chance.randrange(3)}",
            )
            await spend(books, event)
            if chance.random() < 0.3:
                await spend(books, event)
            if chance.random() < 0.3:
                await facade.take_back(ReturnQuestion(source, *chance.choice(places), chance.randrange(300)))
            if chance.random() < 0.15:
                await until_it_holds(lambda: _rerate(books, chance.randrange(1, 3)))
            if chance.random() < 0.15:
                await until_it_holds(lambda: _raise(books, chance.choice(places).budget_id))

    await asyncio.gather(*(work(number) for number in range(WRITERS)))
    assert await faults(writers[0]) == []
    async with writers[0].ledger.overlooking() as overview:
        assert await overview.imbalance() == 0
        assert await overview.counter_difference(NOON_US) == 0


async def _rerate(books: Accounting, each: int) -> None:
    async with books.ledger.writing(ORG) as unit:
        await commands.rerate(unit, FixedPrices(each).book, RecordRange(0), NOON_US)


async def _raise(books: Accounting, budget_id: str) -> None:
    async with books.ledger.writing(ORG) as unit:
        await commands.raise_budget(unit, budget_id, commands.NewRaise(100, NOON_US + HOUR_US), NOON_US)
