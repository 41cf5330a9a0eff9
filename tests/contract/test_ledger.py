"""What is settled adds up, for every adapter, and is told as of any time."""

from __future__ import annotations

import pytest

from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands
from headworks.ledger.contracts import (
    Account,
)
from headworks.ledger.domain.postings import Posting
from headworks.ledger.errors import BudgetNotFound
from headworks.ledger.ports import BalanceFilter, EntryFilter, TransactionFilter
from headworks.usage.ports import RecordFilter
from tests.support.ledgers import (
    HOUR_US,
    NOON,
    NOON_US,
    ORG,
    Everything,
    balances,
    faults,
    make_budget,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting


async def test_usage_is_settled_with_its_mark_up_and_balances(books: Accounting) -> None:
    async with books.ledger.writing(ORG) as unit:
        await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(500_000, 0), NOON_US)
    await spend(books, spending(1, 10), spending(2, 5, key_id="key_2"), spending(3, 7, upstream_model="unpriced"))
    assert await balances(books) == {
        ("charge", "key_1"): 15,
        ("charge", "key_2"): 8,  # 7.5, to the even side
        ("payable", "prv_1"): -15,
        ("margin", ""): -8,
    }
    assert await faults(books) == []
    async with books.usage.read(None) as reading:
        records = await reading.records(RecordFilter(ORG), None, 10)
    amounts = {one.event.event_id[-1]: (one.cost_nanodollars, one.charge_nanodollars) for one in records}
    assert amounts == {"1": (10, 15), "2": (5, 8), "3": (None, None)}
    assert len({one.transaction for one in records}) == 1


async def test_a_batch_that_comes_again_is_settled_once(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend(books, spending(1, 10), spending(2, 1))
    assert (await balances(books))["charge", "key_1"] == 11
    assert await faults(books) == []


async def test_organisations_do_not_see_each_others_ledgers(books: Accounting) -> None:
    await spend(books, spending(1, 10), spending(2, 20, organization_id="org_2", key_id="key_9"))
    budget = await make_budget(books)
    async with books.ledger.reading("org_2") as reading:
        assert [one.amount for one in (await reading.balances(BalanceFilter(kind="charge"), PageRequest())).items] == [
            20
        ]
        assert await reading.budgets() == []
        assert await reading.counters([today(budget.id)]) == {}
        (theirs,) = await reading.transactions(TransactionFilter(), None, 10)
    async with books.ledger.reading(ORG) as reading:
        assert await reading.transaction(theirs.number) is None
        assert await reading.entries(EntryFilter(transaction=theirs.number), None, 10) == []
    with pytest.raises(BudgetNotFound):
        async with books.ledger.writing("org_2") as unit:
            await commands.remove_budget(unit, budget.id, NOON_US)
    assert await faults(books, "org_2") == []


async def test_balances_are_told_as_of_any_time(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend(books, spending(2, 10), at=NOON.replace(hour=14))
    assert (await balances(books, kind="charge", until_us=NOON_US + HOUR_US))["charge", "key_1"] == 10
    assert (await balances(books, kind="charge", until_us=NOON_US))["charge", "key_1"] == 0
    assert (await balances(books, kind="charge"))["charge", "key_1"] == 20


async def test_the_journal_is_gone_through_backwards(books: Accounting) -> None:
    for number in range(4):
        await spend(books, spending(number, 10))
    async with books.ledger.reading(ORG) as reading:
        first = await reading.transactions(TransactionFilter(kind="usage"), None, 3)
        rest = await reading.transactions(TransactionFilter(kind="usage"), first[-1].number, 3)
        assert [one.number for one in (*first, *rest)] == sorted((one.number for one in (*first, *rest)), reverse=True)
        assert (len(first), len(rest)) == (3, 1)
        entries = await reading.entries(EntryFilter(transaction=first[0].number), None, 10)
        assert sum(entry.amount for _, entry in entries) == 0
        (number,) = {number for number, entry in entries if entry.account.kind == "charge"}
        of_account = await reading.entries(EntryFilter(account=number), None, 3)
        after = (of_account[-1][1].transaction, of_account[-1][0])
        assert len(await reading.entries(EntryFilter(account=number), after, 3)) == 1
        assert await reading.transactions(TransactionFilter(kind="re_rating"), None, 3) == []
        assert await reading.transactions(TransactionFilter(until_us=NOON_US), None, 3) == []


async def test_balances_beyond_64_bits_are_exact(books: Accounting) -> None:
    largest = 2**63 - 1
    account, other = Account("charge", ORG, key_id="a"), Account("margin", ORG)
    async with books.ledger.writing(ORG) as unit:
        for _ in range(3):
            await unit.enter(await unit.begin("usage", NOON_US), Posting({account: largest, other: -largest}))
    assert await balances(books) == {("charge", "a"): 3 * largest, ("margin", ""): -3 * largest}
    async with books.ledger.overlooking() as overview:
        assert await overview.imbalance() == 0
