"""Leases, held by every adapter: together never more than there is."""

from __future__ import annotations

import asyncio

import pytest

from headworks.dataplane.flow import Budget as FlowBudget
from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
from headworks.kernel import recall
from headworks.kernel.errors import Invalid
from headworks.kernel.kept import Ages
from headworks.ledger import commands
from headworks.ledger.contracts import (
    InForce,
    LeasesWanted,
    Place,
)
from headworks.ledger.facade import LedgerFacade
from headworks.ledger.queries import holdings
from headworks.ledger.tasks import Keeper
from tests.support.ledgers import (
    DAY_START,
    DAY_US,
    HOUR_US,
    LIFE_US,
    NOON,
    NOON_US,
    ORG,
    SETTINGS,
    Everything,
    balances,
    counters_of,
    faults,
    lease,
    make_budget,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting


async def test_a_lease_is_drawn_settled_and_given_back(books: Accounting) -> None:
    budget = await make_budget(books, 1000)
    place = today(budget.id)
    granted = await lease(books, place, 10, 400)
    assert granted == Lease(400, SETTINGS.term_seconds * 1000, 600)
    named = f"{budget.id}@{DAY_START},{budget.id}@{DAY_START},bud_gone@5,nonsense"
    await spend(books, spending(1, 70, drawn_nanodollars=80, budgets=named))
    counters = await counters_of(books, place)
    assert (counters.spent, counters.held, counters.available) == (70, 320, 610)
    async with books.ledger.writing(ORG) as unit:
        assert await commands.give_back(unit, "spool_1", place, 300, NOON_US) == 300
        assert await commands.give_back(unit, "other", place, 300, NOON_US) == 0
        assert await commands.give_back(unit, "spool_1", place, 300, NOON_US) == 20
    assert (await counters_of(books, place)).held == 0
    assert await balances(books, kind="held") == {("held", "spool_1"): 0}
    assert await faults(books) == []


async def test_who_holds_what_is_known(books: Accounting) -> None:
    first, second = await make_budget(books, name="b"), await make_budget(books, name="a", hard=False)
    await lease(books, today(first.id), 10, 400)
    await lease(books, today(first.id), 10, 400, source="spool_2", at_us=NOON_US + 5)
    await lease(books, today(second.id), 30, 30)
    async with books.ledger.reading(ORG) as reading:
        every = await holdings.holdings(reading)
        of_gateway = await holdings.holdings(reading, gateway="spool_2")
        of_budget = await holdings.holdings(reading, budget_id=second.id)
        assert {one.hold for one in every} == set(await reading.all_holds())
    assert [(one.budget.name, one.hold.source, one.hold.amount) for one in every] == [
        ("a", "spool_1", 30),
        ("b", "spool_1", 400),
        ("b", "spool_2", 150),
    ]
    assert [one.hold.expires_at_us for one in of_gateway] == [NOON_US + 5 + LIFE_US]
    assert {one.period.start_us for one in every} == {DAY_START}
    assert {one.period.end_us for one in every} == {DAY_START + DAY_US}
    assert [one.budget.id for one in of_budget] == [second.id]
    async with books.ledger.reading("org_2") as reading:
        assert (await holdings.holdings(reading), await reading.all_holds()) == ([], [])
    async with books.ledger.writing(ORG) as unit:
        await commands.remove_budget(unit, first.id, NOON_US)
    async with books.ledger.reading(ORG) as reading:
        assert [one.budget.name for one in await holdings.holdings(reading)] == ["a"]


async def test_slices_shrink_and_what_is_needed_is_given_while_it_is_there(books: Accounting) -> None:
    place = today((await make_budget(books, 1000)).id)
    amounts = []
    for source in ("a", "b", "c", "a"):
        granted = await lease(books, place, 1, 10**9, source=source)
        assert isinstance(granted, Lease)
        amounts.append(granted.granted)
    assert amounts == [500, 125, 62, 52]
    left = (await counters_of(books, place)).available
    assert isinstance(await lease(books, place, left + 1), Spent)
    assert await lease(books, place, left, source="d") == Lease(left, 60_000, 0)
    spent = await lease(books, place, 1)
    assert spent == Spent(amount=1000, spent=0, held=1000, resets_at_us=DAY_START + DAY_US, hard=True)


async def test_what_nobody_reports_on_is_taken_back_after_its_time(books: Accounting) -> None:
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 100, source="dead")
    assert isinstance(await lease(books, place, 1, at_us=NOON_US + LIFE_US - 1), Spent)
    assert isinstance(await lease(books, place, 40, at_us=NOON_US + LIFE_US), Lease)
    later = NOON.replace(hour=13)
    await Keeper(books.ledger, SETTINGS, lambda: later).once()
    assert (await counters_of(books, place)).held == 0
    # It reports after all: what it drew was given to others meanwhile, and is published as what it is.
    named = f"{place.budget_id}@{DAY_START}"
    await spend(books, spending(1, 100, source="dead", drawn_nanodollars=100, budgets=named), at=later)
    await spend(books, spending(2, 40, drawn_nanodollars=40, budgets=named), at=later)
    assert (await counters_of(books, place)).available == -40
    assert await faults(books) == []


async def test_a_gateway_that_begins_anew_holds_nothing_of_former_lives(books: Accounting) -> None:
    place = today((await make_budget(books, 100)).id)
    other = today((await make_budget(books, 100, name="soft", hard=False)).id)
    for life, amount in (("again", 1), ("again-a", 60), ("again-b", 20), ("again_c-a", 4), ("other", 10)):
        await lease(books, place, amount, source=life)
    await lease(books, other, 30, source="again-a")
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    assert await facade.held_by("again") == 111
    assert await facade.release("again", "again-b") == 91
    assert await facade.release("again", "again-b") == 0
    assert await facade.held_by("again") == 20
    assert ((await counters_of(books, place)).held, (await counters_of(books, other)).held) == (34, 0)
    assert await facade.release("again", "") == 20
    assert await faults(books) == []


async def test_what_a_life_drew_comes_off_its_own_holds(books: Accounting) -> None:
    """Or the next life's would shrink, and more be lent than there is."""
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 40, source="spool_1-dead")
    await lease(books, place, 50, source="spool_1-born")
    named = f"{place.budget_id}@{DAY_START}"
    await spend(books, spending(1, 30, drawn_nanodollars=30, budgets=f"{named}#dead"))
    await spend(books, spending(2, 20, drawn_nanodollars=20, budgets=f"{named}#born"))
    async with books.ledger.reading(ORG) as reading:
        left = {one.hold.source: one.hold.amount for one in await holdings.holdings(reading, gateway="spool_1")}
    assert left == {"spool_1-dead": 10, "spool_1-born": 30}
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    assert await facade.release("spool_1", "spool_1-born") == 10
    counters = await counters_of(books, place)
    assert (counters.spent, counters.held, counters.available) == (50, 30, 20)
    assert await faults(books) == []


async def test_a_lease_is_of_a_period_that_runs(books: Accounting) -> None:
    budget = await make_budget(books, 100)
    over = await lease(books, Place(budget.id, DAY_START), 1, at_us=NOON_US + DAY_US)
    assert isinstance(over, Spent)
    assert over.resets_at_us == DAY_START + DAY_US
    for start in (DAY_START + 1, DAY_START + 5 * DAY_US):
        with pytest.raises(Invalid):
            await lease(books, Place(budget.id, start), 1)
    for need, want in ((-1, 5), (0, -1), (2**63, 0)):
        with pytest.raises(Invalid):
            await lease(books, today(budget.id), need, want)


async def test_asking_again_renews_the_term_of_all_that_is_held(books: Accounting) -> None:
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 60, source="a")
    later = NOON_US + LIFE_US - 1
    assert await lease(books, place, 0, source="a", at_us=later) == Lease(0, 60_000, 40)
    assert isinstance(await lease(books, place, 41, source="a", at_us=later + 1), Spent), "and so does a refusal"
    assert isinstance(await lease(books, place, 41, source="b", at_us=later + LIFE_US), Spent)
    assert isinstance(await lease(books, place, 41, source="b", at_us=later + 1 + LIFE_US), Lease)
    assert await lease(books, place, 0, source="nobody") == Lease(0, 60_000, 59)
    async with books.ledger.reading(ORG) as reading:
        assert [hold.source for hold in await reading.holds(place)] == ["b"]


async def test_a_hold_on_a_period_that_is_over_lasts_as_long_as_it_is_asked_for(books: Accounting) -> None:
    place = today((await make_budget(books, 100)).id)
    end = DAY_START + DAY_US
    await lease(books, place, 60, at_us=end - 1)
    assert await lease(books, place, 0, 50, at_us=end + 1) == Lease(0, 60_000, 40)
    assert isinstance(await lease(books, place, 1, at_us=end + 1), Spent)
    assert (await counters_of(books, place)).held == 60


async def test_the_facade_says_what_holds_for_a_request(books: Accounting) -> None:
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON, Ages(check=0))
    assert await facade.in_force(ORG, "prj_1", "key_1", "", "fast", NOON) == InForce((), 0, None)
    whole = await make_budget(books, 100, hard=False, period="total")
    mine = await make_budget(books, 7, scope="key", scope_id="key_1")
    await make_budget(books, 7, scope="user", scope_id="usr_1")
    async with books.ledger.writing(ORG) as unit:
        await commands.raise_budget(unit, mine.id, commands.NewRaise(3, NOON_US + HOUR_US), NOON_US)
        await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(5), NOON_US)
        await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(6, NOON_US + 9), NOON_US)
    found = await facade.in_force(ORG, "prj_1", "key_1", "", "fast", NOON)
    narrow = FlowBudget(
        mine.id, "key", hard=True, amount=10, period_start_us=DAY_START, period_end_us=DAY_START + DAY_US
    )
    wide = FlowBudget(whole.id, "organization", hard=False, amount=100, period_start_us=0)
    assert found == InForce((narrow, wide), 5, NOON_US + 9)
    soon = await facade.in_force(ORG, "prj_1", "key_1", "", "fast", NOON.replace(minute=1))
    assert (soon.markup_ppm, soon.until_us) == (6, NOON_US + HOUR_US)


async def test_the_facade_is_a_lease_office(books: Accounting) -> None:
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    place = today((await make_budget(books, 100)).id)
    assert isinstance(await facade.grant(LeaseQuestion("spool_1", *place, 5, 5, "")), Lease)
    await facade.take_back(ReturnQuestion("spool_1", *place, 3))
    assert (await counters_of(books, place)).held == 2
    # A budget or a period that is not there has nothing left, and refuses nothing.
    for start, budget_id in ((DAY_START, "bud_none"), (DAY_START + 1, place.budget_id)):
        assert await facade.grant(LeaseQuestion("spool_1", budget_id, start, 5, 5, "")) == Spent(
            0, 0, 0, None, hard=False
        )
        await facade.take_back(ReturnQuestion("spool_1", budget_id, start, 5))


async def test_nobody_is_refused_what_another_gateway_holds_and_does_not_use(books: Accounting) -> None:
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 90, source="idle")
    asking = asyncio.create_task(facade.grant(LeaseQuestion("busy", *place, 50, 50, "")))
    while LeasesWanted(ORG, place.budget_id) not in books.told:
        await asyncio.sleep(0)
    await facade.take_back(ReturnQuestion("idle", *place, 90))
    assert await asking == Lease(50, SETTINGS.term_seconds * 1000, 50)


async def test_what_comes_back_through_another_control_plane_is_found(books: Accounting) -> None:
    one, other = (LedgerFacade(books.ledger, SETTINGS, lambda: NOON) for _ in range(2))
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 90, source="idle")
    asking = asyncio.create_task(one.grant(LeaseQuestion("busy", *place, 50, 50, "")))
    while LeasesWanted(ORG, place.budget_id) not in books.told:
        await asyncio.sleep(0)
    await other.take_back(ReturnQuestion("idle", *place, 60))
    assert isinstance(await asking, Lease)


async def test_what_is_in_use_is_asked_for_once_a_second(books: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 90, source="busy")
    for _ in range(3):
        assert isinstance(await facade.grant(LeaseQuestion("late", *place, 50, 50, "")), Spent)
    assert books.told.count(LeasesWanted(ORG, place.budget_id)) == 1
    monkeypatch.setattr(recall, "AGAIN_SECONDS", 0.0)
    assert isinstance(await facade.grant(LeaseQuestion("late", *place, 50, 50, "")), Spent)
    assert books.told.count(LeasesWanted(ORG, place.budget_id)) == 2


async def test_nobody_is_asked_for_what_nobody_holds(books: Accounting) -> None:
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    place = today((await make_budget(books, 100)).id)
    assert isinstance(await facade.grant(LeaseQuestion("spool_1", *place, 90, 90, "")), Lease)
    # One's own hold is no reason to ask others.
    assert isinstance(await facade.grant(LeaseQuestion("spool_1", *place, 50, 50, "")), Spent)
    assert not any(isinstance(event, LeasesWanted) for event in books.told)
