from __future__ import annotations

import asyncio
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap import leases
from headworks.bootstrap.leases import LeasesAcrossLives
from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion
from headworks.kernel.errors import Unavailable
from headworks.ledger.contracts import Place
from headworks.ledger.facade import LedgerFacade
from tests.support.ledgers import HOUR_US, NOON, NOON_US, SETTINGS, counters_of, lease, make_budget
from tests.support.usage_stores import accounting_in_memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.usage_stores import Accounting

DEAD, BORN = "spool_1-dead", "spool_1-born"


class World:
    """A gateway that died holding as much of a budget of 100, and was born again."""

    def __init__(self, books: Accounting, place: Place) -> None:
        self.books, self.place = books, place
        self.recovered: Future[None] = Future()
        self.ledger = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
        self.office = self.with_release(partial(self.ledger.release, "spool_1"))

    @classmethod
    async def holding(cls, amount: int) -> World:
        books = accounting_in_memory()
        place = Place((await make_budget(books, 100)).id, NOON_US - 12 * HOUR_US)
        if amount:
            await lease(books, place, amount, source=DEAD)
        return cls(books, place)

    def with_release(self, release: Callable[[str], Awaitable[object]]) -> LeasesAcrossLives:
        return LeasesAcrossLives(self.ledger, release, self.recovered)

    def asking(self, need: int) -> asyncio.Task[object]:
        return asyncio.create_task(self.office.grant(LeaseQuestion(BORN, *self.place, need, need, "")))

    async def held(self) -> int:
        return (await counters_of(self.books, self.place)).held


async def some_turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_gateway_that_died_borrows_at_once_and_its_past_is_released_when_it_is_settled() -> None:
    world = await World.holding(30)
    assert isinstance(await world.asking(60), Lease), "while nothing of the past is settled"
    assert await world.held() == 90
    world.recovered.set_result(None)
    await some_turns()
    assert await world.held() == 60
    await world.office.take_back(ReturnQuestion(BORN, *world.place, 10))
    assert await world.held() == 50


async def test_nobody_is_refused_what_a_former_life_may_have_left() -> None:
    world = await World.holding(80)
    waiting = [world.asking(60) for _ in range(2)]
    await some_turns()
    assert not any(task.done() for task in waiting)
    world.recovered.set_result(None)
    answers = await asyncio.gather(*waiting)
    assert sorted(isinstance(answer, Lease) for answer in answers) == [False, True], "there is enough for one of them"
    assert await world.held() == 60


async def test_who_waits_and_goes_leaves_the_others_waiting() -> None:
    world = await World.holding(80)
    first, second = world.asking(60), world.asking(60)
    await some_turns()
    first.cancel()
    await asyncio.wait([first])
    assert not world.recovered.cancelled()
    world.recovered.set_result(None)
    assert isinstance(await second, Lease)


async def test_releasing_is_tried_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_PAUSE_SECONDS", 0)
    world, tries = await World.holding(80), list[str]()

    async def release(life: str) -> None:
        tries.append(life)
        if len(tries) < 3:
            raise Unavailable("away")
        await world.ledger.release("spool_1", life)

    world.office = world.with_release(release)
    world.recovered.set_result(None)
    assert isinstance(await world.asking(60), Lease)
    assert tries == [BORN] * 3
