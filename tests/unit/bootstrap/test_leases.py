from __future__ import annotations

import asyncio
from concurrent.futures import Future

from headworks.bootstrap.leases import LeasesAfterRecovery
from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion
from headworks.ledger.contracts import Place
from headworks.ledger.facade import LedgerFacade
from tests.support.ledgers import HOUR_US, NOON, NOON_US, SETTINGS, counters_of, lease, make_budget
from tests.support.usage_stores import accounting_in_memory


async def test_a_gateway_that_died_borrows_when_its_past_is_settled_and_holds_nothing_of_it() -> None:
    books = accounting_in_memory()
    place = Place((await make_budget(books, 100)).id, NOON_US - 12 * HOUR_US)
    await lease(books, place, 80, source="spool_1")
    recovered: Future[None] = Future()
    budgets = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    office = LeasesAfterRecovery(budgets, budgets.release, recovered)
    asked = LeaseQuestion("spool_1", *place, 60, 60, "")
    waiting = [asyncio.create_task(office.grant(asked)) for _ in range(2)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    recovered.set_result(None)
    answers = await asyncio.gather(*waiting)
    assert [isinstance(answer, Lease) for answer in answers] == [True, False], "there is enough for one of them"
    assert (await counters_of(books, place)).held == 60
    await office.take_back(ReturnQuestion("spool_1", *place, 10))
    assert (await counters_of(books, place)).held == 50


async def test_who_waits_and_goes_leaves_the_others_waiting() -> None:
    books = accounting_in_memory()
    place = Place((await make_budget(books, 100)).id, NOON_US - 12 * HOUR_US)
    recovered: Future[None] = Future()
    budgets = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    office = LeasesAfterRecovery(budgets, budgets.release, recovered)
    asked = LeaseQuestion("spool_1", *place, 60, 60, "")
    first, second = (asyncio.create_task(office.grant(asked)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert not recovered.cancelled()
    recovered.set_result(None)
    assert isinstance(await second, Lease)
