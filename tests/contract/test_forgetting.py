"""Old records are forgotten, held by every adapter: each settlement is proven first, and the figures stay what they were."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.dataplane.events import UsageEvent
from headworks.kernel.errors import Invalid, Unavailable
from headworks.kernel.moments import micros
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands
from headworks.ledger.commands import forgetting
from headworks.ledger.contracts import Account, Place, RecordRange
from headworks.ledger.domain.postings import Posting
from headworks.ledger.errors import PeriodClosed
from headworks.ledger.queries import verification
from headworks.ledger.settings import LedgerSettings
from headworks.ledger.tasks import Keeper
from headworks.usage.commands import ask_anew, keep_from
from headworks.usage.contracts import Figures
from headworks.usage.ports import RecordFilter, ReportFilter
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper
from headworks.usage.tasks import ingest
from tests.support.ledgers import (
    DAY_US,
    HOUR_US,
    NOON,
    NOON_US,
    ORG,
    FixedPrices,
    counters_of,
    faults,
    make_budget,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting, accounting_in_memory

LATER = datetime(2026, 6, 15, 12, tzinfo=UTC)
LATER_US = micros(LATER)
KEPT_FROM = datetime(2026, 3, 1, tzinfo=UTC)
KEPT_US = micros(KEPT_FROM)
THREE_MONTHS = UsageSettings(record_months=3)


def later() -> datetime:
    """The clock of all that happens months after the usage of NOON."""
    return LATER


async def forget(books: Accounting) -> Keeper:
    """As the two do by the clock."""
    await UsageKeeper(books.usage, THREE_MONTHS, later).look_after()
    keeper = Keeper(books.ledger, LedgerSettings(), later)
    await keeper.forget()
    return keeper


async def spend_later(books: Accounting, number: int = 99, tokens: int = 5) -> None:
    """The newest record of all always stays; so there is one."""
    await spend(books, spending(number, tokens, occurred_at_us=LATER_US), at=LATER)


async def stored(books: Accounting, organization_id: str = ORG) -> list[str]:
    async with books.usage.read(None) as reading:
        found = await reading.records(RecordFilter(organization_id), None, 100)
    return sorted(record.event.event_id for record in found)


async def figures(books: Accounting) -> Figures:
    async with books.usage.read(None) as reading:
        _, whole = await reading.report(ReportFilter(None, "day", 0, 2**33), (), PageRequest())
    return whole.figures


async def proof(books: Accounting, organization_id: str = ORG) -> verification.Report:
    last = verification.Report()
    async for report in verification.verify(books.ledger, organization_id):
        last = report
    return last


async def test_old_records_go_and_every_figure_stays(books: Accounting) -> None:
    daily, total = await make_budget(books), await make_budget(books, period="total")
    await spend(books, spending(1, 10), spending(2, 20, key_id="key_2"), spending(3, 7, organization_id="org_2"))
    await spend(books, spending(4, 30))
    await spend_later(books)
    before, spent = await figures(books), await counters_of(books, Place(total.id, 0))
    keeper = await forget(books)
    assert (keeper.forgotten, keeper.unforgettable) == (4, 0)
    assert await stored(books) == [spending(99, 0).event_id]
    assert await stored(books, "org_2") == []
    assert await figures(books) == before
    assert await counters_of(books, Place(total.id, 0)) == spent
    assert (await counters_of(books, today(daily.id))).spent == 60
    report = await proof(books)
    assert (report.agrees, report.records, report.forgotten) == (True, 4, 3)
    assert await faults(books, "org_2") == []
    assert (await forget(books)).forgotten == 0, "a second time changes nothing"


async def test_what_is_to_be_forgotten_is_closed_first(books: Accounting) -> None:
    await spend(books, spending(1, 10), spending(2, 20))
    await spend_later(books)
    await forget(books)
    async with books.ledger.reading(ORG) as reading:
        closed = await reading.closed_periods()
    assert [(one.from_us, one.until_us, one.sums) for one in closed] == [(None, KEPT_US, (2, 30, 30))]
    async with books.ledger.writing(ORG) as unit:
        with pytest.raises(PeriodClosed):
            await commands.rerate(unit, FixedPrices(3).book, RecordRange(0), LATER_US)


async def test_what_people_closed_themselves_stays_as_they_did(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    async with books.ledger.writing(ORG) as unit:
        await commands.close_period(unit, NOON_US + HOUR_US, LATER_US)
    await spend_later(books)
    keeper = await forget(books)
    async with books.ledger.reading(ORG) as reading:
        closed = await reading.closed_periods()
    assert [(one.until_us, one.sums.charge) for one in closed][:1] == [(NOON_US + HOUR_US, 10)]
    assert keeper.forgotten == 1
    assert await faults(books) == []


async def test_what_is_closed_ends_where_its_sum_ends(books: Accounting) -> None:
    """Whatever happens between the two, such as that records are kept from another moment on."""
    april_us = KEPT_US + 31 * DAY_US
    await spend(books, spending(1, 10))
    await spend(books, spending(2, 20, occurred_at_us=KEPT_US), at=KEPT_FROM)
    await spend_later(books)
    assert await keep_from(books.usage, KEPT_US)
    async with books.ledger.reading(ORG) as reading:
        found = await commands.fixed(reading)
    assert found is not None
    assert await keep_from(books.usage, april_us)
    async with books.ledger.writing(ORG) as unit:
        closed = await commands.close_fixed(unit, found, LATER_US)
    assert closed is not None
    assert (closed.until_us, closed.sums) == (KEPT_US, (1, 10, 10))
    assert (await forget(books)).forgotten == 2
    async with books.ledger.reading(ORG) as reading:
        periods = await reading.closed_periods()
    assert [(one.until_us, one.sums.charge) for one in periods] == [(KEPT_US, 10), (april_us, 20)]
    assert await faults(books) == []


async def test_re_ratings_of_what_was_forgotten_still_count(books: Accounting) -> None:
    budget = await make_budget(books)
    await spend(books, spending(1, 10), spending(2, 20))
    await spend_later(books)
    async with books.ledger.writing(ORG) as unit:
        await commands.rerate(unit, FixedPrices(3).book, RecordRange(0, NOON_US + HOUR_US), NOON_US)
    before = await figures(books)
    await forget(books)
    assert (await counters_of(books, today(budget.id))).spent == 90
    late = await make_budget(books, at_us=LATER_US, period="total")
    assert (await counters_of(books, Place(late.id, 0))).spent == 95, "a budget that is made later knows of it"
    assert await figures(books) == before
    async with books.ledger.reading(ORG) as reading:
        assert (await reading.closed_periods())[0].sums == (2, 90, 90)
    assert await faults(books) == []


async def test_what_comes_too_late_is_put_aside_and_spoils_nothing_else(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend_later(books)
    await forget(books)
    late = [spending(1, 10), spending(5, 50, occurred_at_us=KEPT_US - 1), spending(6, 60, occurred_at_us=KEPT_US)]
    done = await ingest(books.usage, FixedPrices(), late, clock=later)
    assert (done.stored, done.rejected) == (1, 2)
    assert (await figures(books)).charge_nanodollars == 75
    assert await faults(books) == []


async def test_days_that_are_not_kept_cannot_be_made_anew(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend_later(books)
    await forget(books)
    with pytest.raises(Invalid, match="2026-03-01 or later"):
        await ask_anew(books.usage, ORG, NOON.date(), LATER.date())
    await ask_anew(books.usage, ORG, KEPT_FROM.date(), LATER.date())
    async with books.usage.read(None) as reading:
        assert await reading.first_day() == LATER_US // DAY_US * (DAY_US // 10**6)
    before = await figures(books)
    await UsageKeeper(books.usage, THREE_MONTHS, later).make_anew()
    assert await figures(books) == before


async def test_nothing_goes_while_an_old_day_is_still_to_be_made_anew(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend_later(books)
    await ask_anew(books.usage, ORG, NOON.date(), NOON.date())
    assert not await keep_from(books.usage, KEPT_US)
    assert (await forget(books)).forgotten == 0
    await UsageKeeper(books.usage, THREE_MONTHS, later).make_anew()
    assert (await forget(books)).forgotten == 1


async def test_the_newest_record_stays_so_that_no_number_is_given_twice(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend(books, spending(2, 20))
    assert (await forget(books)).forgotten == 1
    assert await stored(books) == [spending(2, 0).event_id]
    await spend_later(books)
    async with books.usage.read(None) as reading:
        newest, kept = [record.sequence for record in await reading.records(RecordFilter(ORG), None, 10)]
    assert newest > kept


async def test_a_settlement_with_a_newer_record_keeps_all_of_its_own(books: Accounting) -> None:
    await spend(books, spending(1, 10))
    await spend(books, spending(2, 20), spending(3, 30, occurred_at_us=KEPT_US + 1), at=KEPT_FROM)
    await spend_later(books)
    assert (await forget(books)).forgotten == 1
    assert len(await stored(books)) == 3
    assert await faults(books) == []


async def enter_more(books: Accounting, number: int) -> None:
    """As nobody can: entries that were not there when the records were settled."""
    lines = {Account("charge", ORG, project_id="prj_1", key_id="key_9"): 5, Account("margin", ORG): -5}
    async with books.ledger.writing(ORG) as unit:
        await unit.enter(number, Posting(lines))


async def test_records_that_do_not_agree_stay_with_all_that_came_later(books: Accounting) -> None:
    for number in range(1, 4):
        await spend(books, spending(number, 10))
    await spend_later(books)
    async with books.ledger.reading(ORG) as reading:
        second = (await reading.transactions_after(0, 10))[1].number
    await enter_more(books, second)
    keeper = await forget(books)
    assert (keeper.forgotten, keeper.unforgettable) == (1, 1)
    assert await stored(books) == [spending(number, 0).event_id for number in (2, 3, 99)]
    assert [(fault.problem, fault.transaction) for fault in await faults(books)] == [("records_differ", second)]


async def test_an_entry_that_is_changed_after_its_records_went_shows(books: Accounting) -> None:
    await spend(books, spending(1, 10), spending(2, 10, key_id="key_2"))
    await spend_later(books)
    await forget(books)
    assert await faults(books) == []
    async with books.ledger.reading(ORG) as reading:
        first = (await reading.transactions_after(0, 10))[0].number
    await enter_more(books, first)
    found = [(fault.problem, fault.transaction, fault.difference) for fault in await faults(books)]
    assert found == [("records_differ", first, 5)]


async def test_a_step_takes_so_many_records(books: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_MOST_RECORDS", 3)
    monkeypatch.setattr(forgetting, "_AT_ONCE", 4)
    for start in range(0, 10, 2):
        await spend(books, spending(start, 1), spending(start + 1, 1))
    await spend(books, *(spending(number, 1) for number in range(10, 15)))
    await spend_later(books)
    await UsageKeeper(books.usage, THREE_MONTHS, later).look_after()
    async with books.ledger.reading(ORG) as reading:
        found = await commands.fixed(reading)
    assert found is not None
    async with books.ledger.writing(ORG) as unit:
        assert await commands.close_fixed(unit, found, LATER_US) is not None
    steps = []
    more = True
    while more:
        async with books.ledger.writing(ORG) as unit:
            step = await commands.forget(unit, LATER_US)
        steps.append(step.records)
        more = step.more
    assert steps == [2, 2, 2, 2, 2, 5, 0]
    assert await faults(books) == []


async def test_what_breaks_off_is_begun_anew(books: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    await spend(books, spending(1, 10), spending(2, 20))
    await spend_later(books)

    def break_off() -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed"):
        patched.setattr(forgetting, "midway", break_off)
        await forget(books)
    assert len(await stored(books)) == 3
    assert (await forget(books)).forgotten == 2
    assert await faults(books) == []


async def test_a_round_that_is_over_goes_on_in_the_next(books: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_MOST_RECORDS", 1)
    for number in range(4):
        await spend(books, spending(number, 10))
    await spend_later(books)
    await UsageKeeper(books.usage, THREE_MONTHS, later).look_after()
    keeper = Keeper(books.ledger, LedgerSettings(), later)
    forgotten = []
    for _ in range(6):
        await keeper.forget(0)
        forgotten.append(keeper.forgotten)
    assert forgotten == [1, 2, 3, 4, 4, 4]
    assert await faults(books) == []


async def test_two_forget_while_others_store(books: Accounting) -> None:
    for start in range(0, 60, 3):
        await spend(books, *(spending(start + more, 10) for more in range(3)))
    await spend_later(books)
    await UsageKeeper(books.usage, THREE_MONTHS, later).look_after()
    keepers = [Keeper(books.ledger, LedgerSettings(), later) for _ in range(2)]

    async def store() -> None:
        for number in range(100, 120):
            await spend_later(books, number, 1)

    async def keep(keeper: Keeper) -> None:
        # Who is beaten six times running tries again a minute later.
        while True:
            try:
                await keeper.forget()
            except Unavailable:
                continue
            return

    await asyncio.gather(store(), *map(keep, keepers))
    assert sum(keeper.forgotten for keeper in keepers) == 60
    assert (await figures(books)).charge_nanodollars == 60 * 10 + 5 + 20
    report = await proof(books)
    assert (report.agrees, report.records, report.forgotten) == (True, 81, 60)


some_usage = st.lists(
    st.builds(
        spending,
        st.integers(0, 10**6),
        st.integers(0, 100),
        occurred_at_us=st.integers(NOON_US - 20 * DAY_US, NOON_US),
        organization_id=st.sampled_from([ORG, "org_2"]),
        key_id=st.sampled_from(["key_1", "key_2"]),
        provider_id=st.sampled_from(["prv_1", "prv_2"]),
    ),
    unique_by=lambda one: one.event_id,
    min_size=1,
    max_size=12,
)
kinds_of_period: list[dict[str, object]] = [
    {"period": "total"},
    {"period": "month", "time_zone": "America/New_York", "anchor": 31},
    {"period": "week", "time_zone": "Asia/Kolkata"},
    {"period": "day"},
]


@given(
    old=st.lists(some_usage, min_size=1, max_size=4),
    recent=some_usage,
    budgets=st.lists(st.sampled_from(kinds_of_period), unique_by=lambda one: one["period"], max_size=3),
    each=st.integers(0, 4),
    again=st.integers(0, 3),
)
@settings(max_examples=40)
def test_whatever_is_forgotten_all_figures_stay(
    old: list[list[UsageEvent]],
    recent: list[UsageEvent],
    budgets: list[dict[str, object]],
    each: int,
    again: int,
) -> None:
    asyncio.run(_all_figures_stay(old, recent, budgets, each, again))


async def _all_figures_stay(
    old: list[list[UsageEvent]], recent: list[UsageEvent], budgets: list[dict[str, object]], each: int, again: int
) -> None:
    books = accounting_in_memory()
    for wish in budgets:
        await make_budget(books, **wish)  # type: ignore[arg-type]
    for batch in old:
        await ingest(books.usage, FixedPrices(), batch, clock=lambda: NOON)
    if each:
        async with books.ledger.writing(ORG) as unit:
            await commands.rerate(unit, FixedPrices(each).book, RecordRange(0), NOON_US)
    moved = [
        one._replace(occurred_at_us=one.occurred_at_us + LATER_US - NOON_US, event_id=f"l{one.event_id}")
        for one in recent
    ]
    await ingest(books.usage, FixedPrices(), moved, clock=later)
    before = await figures(books)
    async with books.ledger.reading(ORG) as reading:
        counters = await reading.periods(None, 1000)
    for _ in range(again + 1):
        await forget(books)
    assert await figures(books) == before
    async with books.ledger.reading(ORG) as reading:
        assert await reading.periods(None, 1000) == counters
    for owner in (ORG, "org_2"):
        assert await faults(books, owner) == []
    async with books.usage.read(None) as reading_:
        left = [record.event.occurred_at_us for record in await reading_.records(RecordFilter(ORG), None, 100)]
    assert min(left, default=KEPT_US) >= KEPT_US
    # A budget of all time that is made now counts what is gone too.
    async with books.ledger.writing(ORG) as unit:
        for one in await unit.budgets():
            await commands.remove_budget(unit, one.id, LATER_US)
    total = await make_budget(books, at_us=LATER_US, period="total")
    async with books.usage.read(None) as reading_:
        _, whole = await reading_.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert (await counters_of(books, Place(total.id, 0))).spent == whole.figures.charge_nanodollars
