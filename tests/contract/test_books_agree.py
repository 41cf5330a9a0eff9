"""What does not agree is found by every adapter, and counters come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from headworks.dataplane.flow import LeaseQuestion, Spent
from headworks.ledger import commands
from headworks.ledger.contracts import (
    Account,
    Hold,
    MarkUpBook,
)
from headworks.ledger.domain.postings import Posting
from headworks.ledger.facade import LedgerFacade
from headworks.ledger.tasks import Keeper
from headworks.usage.commands import prepare
from headworks.usage.domain.rollups import add_up, parts_of
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper
from tests.support.ledgers import (
    NOON,
    NOON_US,
    ORG,
    SETTINGS,
    FixedPrices,
    balances,
    counters_of,
    faults,
    lease,
    make_budget,
    roll_ups_hold,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting


async def test_a_counter_that_was_changed_is_found_and_comes_back(books: Accounting) -> None:
    budget = await make_budget(books, 1000)
    place = today(budget.id)
    await lease(books, place, 100, source="a")
    await spend(books, spending(1, 30))
    right = await counters_of(books, place)
    async with books.ledger.writing(ORG) as unit:
        await unit.put_counters(replace(right, spent=7, held=1, authorized=3))
        await unit.put_hold(Hold(*place, "a", 1, 5))
        await unit.put_hold(Hold(*place, "invented", 9, 5))
    found = {fault.problem: fault.difference for fault in await faults(books)}
    assert found == {"counters_differ": 23 + 99 + 997, "holds_differ": 99 + 9, "spent_differs": -23}
    keeper = Keeper(books.ledger, SETTINGS, lambda: NOON)
    await keeper.measure()
    assert keeper.counter_difference == 23 + 99 + 997
    async with books.ledger.writing(ORG) as unit:
        assert await commands.rebuild(unit, NOON_US, NOON_US) == 3
    assert await counters_of(books, place) == right
    assert await faults(books) == []
    async with books.ledger.writing(ORG) as unit:
        assert await commands.rebuild(unit, NOON_US, NOON_US) == 0


async def test_entries_that_are_not_what_the_records_say_are_found(books: Accounting) -> None:
    await spend(books, spending(1, 30))
    async with books.ledger.writing(ORG) as unit:
        number = await unit.begin("usage", NOON_US)
        lines = {Account("charge", ORG, project_id="prj_1", key_id="key_1"): 5, Account("margin", ORG): -5}
        await unit.enter(number, Posting(lines))
    (fault,) = await faults(books)
    assert (fault.problem, fault.transaction, fault.difference) == ("records_differ", number, 10)


async def test_many_tasks_never_get_more_than_there_is(books: Accounting) -> None:
    """One process here; several are below."""
    place = today((await make_budget(books, 1000)).id)
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)

    async def borrow(source: str) -> int:
        total = 0
        while True:
            wish = LeaseQuestion(source, *place, 7, 90, "")
            granted = await facade.grant(wish)
            if isinstance(granted, Spent):
                return total
            total += granted.granted

    borrowed = await asyncio.gather(*(borrow(f"gateway_{number}") for number in range(8)))
    counters = await counters_of(books, place)
    assert sum(borrowed) == counters.held
    assert 1000 - 7 < counters.held <= 1000
    assert await faults(books) == []


async def test_records_that_are_older_than_the_ledger_are_settled_once(books: Accounting) -> None:
    budget = await make_budget(books, 100)
    batch = prepare(
        [spending(1, 10), spending(2, 5, upstream_model="unpriced")], FixedPrices().book, MarkUpBook(()), NOON
    )
    async with books.usage.transaction() as unit:
        # As an older version would: without a transaction of the ledger.
        await unit.add_rows(batch.rows, {ORG: None})  # type: ignore[dict-item]
        await unit.add_sums(add_up(parts_of(batch.rows)))
    assert [(fault.problem, fault.difference) for fault in await faults(books)] == [("unsettled_records", 2)]
    keeper = Keeper(books.ledger, SETTINGS, lambda: NOON)
    for _ in range(2):
        await keeper.once()
    async with books.usage.read(None) as reading:
        assert await reading.pending_days() == [NOON_US // 10**6 - 43_200], "what is settled late is added up anew"
    await UsageKeeper(books.usage, UsageSettings(), lambda: NOON).make_anew()
    await roll_ups_hold(books)
    assert (await balances(books))["charge", "key_1"] == 10
    assert (await counters_of(books, today(budget.id))).spent == 10
    assert await faults(books) == []
