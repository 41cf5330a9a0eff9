"""Budgets, held by every adapter: what is in their scope counts, raises end, and alerts are told once."""

from __future__ import annotations

import pytest

from headworks.dataplane.flow import Lease, Spent
from headworks.kernel.errors import Stale
from headworks.kernel.scopes import UnknownScope
from headworks.ledger import commands
from headworks.ledger.contracts import (
    BudgetChanged,
    Place,
    ThresholdCrossed,
)
from headworks.ledger.errors import BudgetExists, BudgetNotFound, RaiseNotFound
from headworks.ledger.tasks import Keeper
from tests.support.ledgers import (
    DAY_START,
    DAY_US,
    HOUR_US,
    NOON,
    NOON_US,
    ORG,
    SETTINGS,
    counters_of,
    faults,
    lease,
    make_budget,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting


async def test_a_budget_counts_what_is_in_its_scope(books: Accounting) -> None:
    scopes = [
        ("organization", None, 31),
        ("project", "prj_2", 2),
        ("key", "key_2", 4),
        ("user", "usr_2", 8),
        ("model", "smart", 16),
    ]
    made = [await make_budget(books, scope=scope, scope_id=of) for scope, of, _ in scopes]
    await spend(
        books,
        spending(1, 1),
        spending(2, 2, project_id="prj_2"),
        spending(3, 4, key_id="key_2"),
        spending(4, 8, user_id="usr_2"),
        spending(5, 16, model="smart"),
        spending(6, 32, organization_id="org_2"),
    )
    spent = [(await counters_of(books, today(budget.id))).spent for budget in made]
    assert spent == [wanted for *_, wanted in scopes]
    assert await faults(books) == []


async def test_a_budget_knows_what_was_spent_before_it_was_made(books: Accounting) -> None:
    await spend(books, spending(1, 10), spending(2, 99, occurred_at_us=DAY_START - 1))
    budget = await make_budget(books)
    whole = await make_budget(books, period="total")
    assert (await counters_of(books, today(budget.id))).spent == 10
    assert (await counters_of(books, Place(whole.id, 0))).spent == 109
    assert await faults(books) == []


async def test_a_late_event_counts_in_the_period_that_it_began_in(books: Accounting) -> None:
    budget = await make_budget(books)
    tomorrow = Place(budget.id, DAY_START + DAY_US)
    await spend(books, spending(1, 10, occurred_at_us=DAY_START + DAY_US), at=NOON.replace(day=3))
    await spend(books, spending(2, 5), spending(3, 3, occurred_at_us=DAY_START - 1), at=NOON.replace(day=3))
    assert (await counters_of(books, tomorrow)).spent == 10
    assert (await counters_of(books, today(budget.id))).spent == 5
    async with books.ledger.reading(ORG) as reading:
        assert await reading.counters([Place(budget.id, DAY_START - DAY_US)]) == {}, "it was over before the budget was"
    assert await faults(books) == []


async def test_thresholds_are_told_once_in_a_period(books: Accounting) -> None:
    budget = await make_budget(books, 100, thresholds=(80, 50, 100))
    books.told.clear()
    for number, tokens in enumerate((49, 1, 29, 60)):
        await spend(books, spending(number, tokens))
    told = [event for event in books.told if isinstance(event, ThresholdCrossed)]
    assert [(one.alert.percent, one.alert.spent) for one in told] == [(50, 50), (80, 139), (100, 139)]
    async with books.ledger.writing(ORG) as unit:
        await commands.change_budget(unit, budget.id, commands.BudgetChanges(amount=1000), NOON_US)
        await commands.change_budget(unit, budget.id, commands.BudgetChanges(amount=100), NOON_US)
    async with books.ledger.reading(ORG) as reading:
        assert [one.percent for one in await reading.alerts(today(budget.id))] == [50, 80, 100]
    assert len([event for event in books.told if isinstance(event, ThresholdCrossed)]) == 3


async def test_budgets_are_changed_raised_and_removed(books: Accounting) -> None:
    budget = await make_budget(books, 100)
    async with books.ledger.writing(ORG) as unit:
        changed = await commands.change_budget(
            unit, budget.id, commands.BudgetChanges(amount=200, name="other"), NOON_US, expected=1
        )
        _, made = await commands.raise_budget(unit, budget.id, commands.NewRaise(50, NOON_US + HOUR_US), NOON_US)
    assert (changed.version, (await counters_of(books, today(budget.id))).authorized) == (2, 250)
    with pytest.raises(Stale):
        async with books.ledger.writing(ORG) as unit:
            await commands.change_budget(unit, budget.id, commands.BudgetChanges(amount=1), NOON_US, expected=2)
    async with books.ledger.writing(ORG) as unit:
        await commands.end_raise(unit, budget.id, made.id, NOON_US + 1)
    assert (await counters_of(books, today(budget.id))).authorized == 200
    with pytest.raises(RaiseNotFound):
        async with books.ledger.writing(ORG) as unit:
            await commands.end_raise(unit, budget.id, made.id, NOON_US + 1)
    assert isinstance(await lease(books, today(budget.id), 10), Lease)
    async with books.ledger.writing(ORG) as unit:
        await commands.remove_budget(unit, budget.id, NOON_US + 2)
        assert await unit.budgets() == []
    assert (await counters_of(books, today(budget.id))).held == 0
    with pytest.raises(BudgetNotFound):
        await lease(books, today(budget.id), 10)
    whats = [event.what for event in books.told if isinstance(event, BudgetChanged)]
    assert whats == ["created", "changed", "raised", "raise_ended", "removed"]
    assert await faults(books) == []
    # Of the same scope there may be another now.
    assert (await make_budget(books, 100)).id != budget.id


async def test_a_raise_ends_by_itself(books: Accounting) -> None:
    budget = await make_budget(books, 100)
    async with books.ledger.writing(ORG) as unit:
        await commands.raise_budget(unit, budget.id, commands.NewRaise(50, NOON_US + HOUR_US), NOON_US)
    keeper = Keeper(books.ledger, SETTINGS, lambda: NOON.replace(hour=14))
    for _ in range(2):
        await keeper.once()
    assert (await counters_of(books, today(budget.id))).authorized == 100
    async with books.ledger.reading(ORG) as reading:
        (one,) = await reading.raises()
    assert one.ended_at_us == NOON_US + HOUR_US
    await keeper.measure()
    assert (keeper.imbalance, keeper.counter_difference) == (0, 0)
    assert await faults(books) == []


async def test_a_raise_that_ran_out_is_not_granted_from(books: Accounting) -> None:
    budget = await make_budget(books, 100)
    async with books.ledger.writing(ORG) as unit:
        await commands.raise_budget(unit, budget.id, commands.NewRaise(50, NOON_US + HOUR_US), NOON_US)
    assert isinstance(await lease(books, today(budget.id), 120, at_us=NOON_US + HOUR_US), Spent)
    assert isinstance(await lease(books, today(budget.id), 100, at_us=NOON_US + HOUR_US), Lease)
    assert await faults(books) == []


async def test_a_second_budget_of_the_same_scope_and_period_is_refused(books: Accounting) -> None:
    await make_budget(books)
    with pytest.raises(BudgetExists):
        await make_budget(books)
    soft = await make_budget(books, hard=False)
    await make_budget(books, period="month")
    with pytest.raises(BudgetExists):
        async with books.ledger.writing(ORG) as unit:
            await commands.change_budget(unit, soft.id, commands.BudgetChanges(hard=True), NOON_US)
    with pytest.raises(UnknownScope):
        await make_budget(books, scope="key", scope_id="nobody")
