"""Rating anew, held by every adapter: differences are posted, and no record is touched."""

from __future__ import annotations

import pytest

from headworks.kernel.errors import Invalid
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands
from headworks.ledger.commands import rerating
from headworks.ledger.contracts import (
    Place,
    RecordRange,
)
from headworks.ledger.errors import MarkUpExists, PeriodClosed
from headworks.usage.ports import RecordFilter, ReportFilter
from tests.support.ledgers import (
    HOUR_US,
    NOON_US,
    ORG,
    Everything,
    FixedPrices,
    balances,
    counters_of,
    faults,
    make_budget,
    roll_ups_hold,
    spend,
    spending,
    today,
)
from tests.support.usage_stores import Accounting


async def rerate(books: Accounting, each: int, **wanted: object) -> commands.Outcome:
    prices = FixedPrices(each)
    async with books.ledger.writing(ORG) as unit:
        return await commands.rerate(unit, prices.book, RecordRange(0, **wanted), NOON_US)  # type: ignore[arg-type]


async def test_rating_anew_posts_differences_and_touches_no_record(books: Accounting) -> None:
    budget = await make_budget(books, 1000)
    await spend(books, spending(1, 10), spending(2, 20, model="smart"), spending(3, 5, organization_id="org_2"))
    async with books.usage.read(None) as reading:
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
    async with books.usage.read(None) as reading:
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
    # All of one moment, so in no order of their own.
    assert [one.wanted.until_us for one in steps].count(None) == 1, "each but the last says where it ended"
    await roll_ups_hold(books)
    assert await faults(books) == []


async def test_what_had_no_price_gets_one(books: Accounting) -> None:
    await spend(books, spending(1, 10, upstream_model="gpt"), each=1)
    await spend(books, spending(2, 10, provider_id="prv_2"))
    async with books.usage.read(None) as reading:
        _, whole = await reading.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert whole.figures.unpriced_requests == 1
    prices = FixedPrices(1)
    prices.book._names["prv_2"] = (("shipped", "openai"),)  # type: ignore[index]
    async with books.ledger.writing(ORG) as unit:
        outcome = await commands.rerate(unit, prices.book, RecordRange(0, provider_id="prv_2"), NOON_US)
    assert outcome.by_model["fast"].unpriced_before == 1
    async with books.usage.read(None) as reading:
        _, whole = await reading.report(ReportFilter(ORG, "day", 0, 2**33), (), PageRequest())
    assert (whole.figures.unpriced_requests, whole.figures.cost_nanodollars) == (0, 20)
    await roll_ups_hold(books)
    assert await faults(books) == []


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
