"""The ledger, held by every adapter: what is settled, granted, raised and rated anew adds up, and what does not is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from headworks.dataplane.flow import Budget as FlowBudget
from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
from headworks.kernel.errors import Invalid, Stale
from headworks.kernel.kept import Ages
from headworks.kernel.pagination import PageRequest
from headworks.kernel.scopes import UnknownScope
from headworks.ledger import commands
from headworks.ledger.commands import rerating
from headworks.ledger.contracts import (
    Account,
    BudgetChanged,
    Hold,
    InForce,
    MarkUpBook,
    Place,
    RecordRange,
    ThresholdCrossed,
)
from headworks.ledger.domain.postings import Posting
from headworks.ledger.errors import BudgetExists, BudgetNotFound, MarkUpExists, PeriodClosed, RaiseNotFound
from headworks.ledger.facade import LedgerFacade
from headworks.ledger.ports import BalanceFilter, EntryFilter, TransactionFilter
from headworks.ledger.tasks import Keeper
from headworks.usage.commands import ask_anew, compare_hour, prepare
from headworks.usage.domain.rollups import add_up, parts_of
from headworks.usage.ports import RecordFilter, ReportFilter
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper
from tests.support.ledgers import (
    DAY_US,
    HOUR_US,
    NOON,
    NOON_US,
    ORG,
    SECOND_US,
    SETTINGS,
    Everything,
    FixedPrices,
    counters_of,
    faults,
    lease,
    make_budget,
    spend,
    spending,
)
from tests.support.usage_stores import Accounting

DAY_START = NOON_US - 12 * HOUR_US
LIFE_US = (SETTINGS.term_seconds + SETTINGS.grace_seconds) * SECOND_US


def today(budget_id: str) -> Place:
    return Place(budget_id, DAY_START)


async def balances(books: Accounting, **wanted: object) -> dict[tuple[str, str], int]:
    async with books.ledger.reading(ORG) as reading:
        page = await reading.balances(BalanceFilter(**wanted), PageRequest(1, 200))  # type: ignore[arg-type]
    assert page.total == len(page.items)
    return {
        (one.account.kind, one.account.key_id or one.account.provider_id or one.account.source): one.amount
        for one in page.items
    }


# --- Settling. ---


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
    async with books.usage.read() as reading:
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


# --- Budgets. ---


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


# --- Leases. ---


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


async def test_a_gateway_that_begins_anew_holds_nothing(books: Accounting) -> None:
    place = today((await make_budget(books, 100)).id)
    await lease(books, place, 60, source="again")
    await lease(books, place, 10, source="other")
    facade = LedgerFacade(books.ledger, SETTINGS, lambda: NOON)
    assert await facade.release("again") == 60
    assert await facade.release("again") == 0
    assert (await counters_of(books, place)).held == 10


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


# --- Rating anew. ---


async def rerate(books: Accounting, each: int, **wanted: object) -> commands.Outcome:
    prices = FixedPrices(each)
    async with books.ledger.writing(ORG) as unit:
        return await commands.rerate(unit, prices.book, RecordRange(0, **wanted), NOON_US)  # type: ignore[arg-type]


async def test_rating_anew_posts_differences_and_touches_no_record(books: Accounting) -> None:
    budget = await make_budget(books, 1000)
    await spend(books, spending(1, 10), spending(2, 20, model="smart"), spending(3, 5, organization_id="org_2"))
    async with books.usage.read() as reading:
        before = await reading.records(RecordFilter(ORG), None, 10)
    async with books.ledger.reading(ORG) as reading_:
        preview = await commands.preview(reading_, FixedPrices(3).book, RecordRange(0))
    figures = {name: (one.charge_before, one.charge_after) for name, one in preview.by_model.items()}
    assert figures == {"fast": (10, 30), "smart": (20, 60)}
    outcome = await rerate(books, 3)
    assert outcome.re_rating is not None
    assert (outcome.re_rating.adjusted, outcome.re_rating.charge_before, outcome.re_rating.charge_after) == (2, 30, 90)
    assert (await rerate(books, 3)).re_rating is None, "a second time changes nothing"
    assert (await rerate(books, 2, model="smart")).re_rating is not None
    async with books.usage.read() as reading:
        assert await reading.records(RecordFilter(ORG), None, 10) == before
        _, whole = await reading.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert (whole.figures.cost_nanodollars, whole.figures.charge_nanodollars) == (70, 70)
    await roll_ups_hold(books)
    assert (await balances(books))["charge", "key_1"] == 70
    assert (await counters_of(books, today(budget.id))).spent == 70
    late = await make_budget(books, period="total")
    assert (await counters_of(books, Place(late.id, 0))).spent == 70, "a budget that is made later knows of it"
    assert await faults(books) == []


async def test_many_records_are_rated_anew_in_steps(books: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerating, "STEP_RECORDS", 2)
    budget = await make_budget(books, 1000)
    # Some began at the very same moment, so that a step ends between them.
    await spend(books, *(spending(number, 10, occurred_at_us=NOON_US - number // 4) for number in range(1, 8)))
    dearer, wanted = FixedPrices(3).book, RecordRange(0)
    marks: list[rerating.Mark | None] = [None]
    sums = []
    while not marks[1:] or marks[-1] is not None:
        async with books.ledger.reading(ORG) as reading:
            previewed = await commands.preview(reading, dearer, wanted, marks[-1])
        sums.append((previewed.by_model["fast"].records, previewed.by_model["fast"].charge_after))
        marks.append(previewed.next)
    assert sums == [(2, 60), (2, 60), (2, 60), (1, 30)]
    # It breaks off after the second step, and is said again.
    for mark in marks[:2]:
        async with books.ledger.writing(ORG) as unit:
            assert (await commands.rerate(unit, dearer, wanted, NOON_US, mark)).re_rating is not None
    assert (await counters_of(books, today(budget.id))).spent == 70 + 4 * 20
    posted: list[int] = []
    mark = None
    while posted == [] or mark is not None:
        async with books.ledger.writing(ORG) as unit:
            outcome = await commands.rerate(unit, dearer, wanted, NOON_US, mark)
        posted.append(0 if outcome.re_rating is None else outcome.re_rating.adjusted)
        mark = outcome.next
    assert posted == [0, 0, 2, 1], "what is done is passed over"
    assert (await counters_of(books, today(budget.id))).spent == 210
    async with books.ledger.reading(ORG) as reading:
        steps = (await reading.re_ratings(PageRequest())).items
    assert sum(one.charge_after - one.charge_before for one in steps) == 140
    assert all(one.wanted.until_us is not None for one in steps[1:]), "each says which records it looked at"
    await roll_ups_hold(books)
    assert await faults(books) == []


async def test_what_had_no_price_gets_one(books: Accounting) -> None:
    await spend(books, spending(1, 10, upstream_model="gpt"), each=1)
    await spend(books, spending(2, 10, provider_id="prv_2"))
    async with books.usage.read() as reading:
        _, whole = await reading.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert whole.figures.unpriced_requests == 1
    prices = FixedPrices(1)
    prices.book._names["prv_2"] = (("shipped", "openai"),)  # type: ignore[index]
    async with books.ledger.writing(ORG) as unit:
        outcome = await commands.rerate(unit, prices.book, RecordRange(0, provider_id="prv_2"), NOON_US)
    assert outcome.by_model["fast"].unpriced_before == 1
    async with books.usage.read() as reading:
        _, whole = await reading.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert (whole.figures.unpriced_requests, whole.figures.cost_nanodollars) == (0, 20)
    await roll_ups_hold(books)
    assert await faults(books) == []


async def roll_ups_hold(books: Accounting) -> None:
    """What was added up is what the records, and what changed in them, come to; and is again when it is made anew."""
    noon_s, settings = NOON_US // 10**6, UsageSettings()
    found = await compare_hour(books.usage, settings, noon_s, noon_s)
    assert (found.sums > 0, found.wrong) == (True, 0)
    async with books.usage.read() as reading:
        before = await reading.report(ReportFilter(None, "minute", 0, 2**33), ("key", "model"), PageRequest())
    await ask_anew(books.usage, "org_1", NOON.date(), NOON.date())
    await UsageKeeper(books.usage, settings, lambda: NOON).make_anew()
    async with books.usage.read() as reading:
        assert await reading.report(ReportFilter(None, "minute", 0, 2**33), ("key", "model"), PageRequest()) == before


async def test_what_was_invoiced_changes_no_more(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    later = NOON_US + HOUR_US
    async with books.ledger.writing(ORG) as unit:
        closed = await commands.close_period(unit, NOON_US + 1, later)
        assert (closed.sums.records, closed.sums.charge) == (1, 10)
        for until in (NOON_US, later + 1):
            with pytest.raises(Invalid):
                await commands.close_period(unit, until, later)
    with pytest.raises(PeriodClosed):
        await rerate(books, 3)
    with pytest.raises(PeriodClosed):
        async with books.ledger.writing(ORG) as unit:
            await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(1, NOON_US), later)
    # What arrives late is settled all the same, and not in what was invoiced.
    await spend(books, spending(2, 5))
    async with books.ledger.reading(ORG) as reading:
        (kept,) = await reading.closed_periods()
    assert kept == closed
    assert (await balances(books))["charge", "key_1"] == 15
    assert await faults(books) == []


async def test_mark_ups_follow_each_other(books: Accounting) -> None:
    async with books.ledger.writing(ORG) as unit:
        await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(10**6, 0), NOON_US)
        later = await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(0, NOON_US), NOON_US)
    with pytest.raises(MarkUpExists):
        async with books.ledger.writing(ORG) as unit:
            await commands.create_mark_up(unit, Everything(), commands.NewMarkUp(5, NOON_US), NOON_US)
    await spend(books, spending(1, 10, occurred_at_us=NOON_US - 1), spending(2, 10))
    assert (await balances(books))["charge", "key_1"] == 30
    async with books.ledger.writing(ORG) as unit:
        await commands.remove_mark_up(unit, later.id)
    await rerate(books, 1)
    assert (await balances(books))["charge", "key_1"] == 40
    assert await faults(books) == []


# --- What does not agree is found, and counters come back. ---


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
    async with books.usage.read() as reading:
        assert await reading.pending_days() == [NOON_US // 10**6 - 43_200], "what is settled late is added up anew"
    await UsageKeeper(books.usage, UsageSettings(), lambda: NOON).make_anew()
    await roll_ups_hold(books)
    assert (await balances(books))["charge", "key_1"] == 10
    assert (await counters_of(books, today(budget.id))).spent == 10
    assert await faults(books) == []
