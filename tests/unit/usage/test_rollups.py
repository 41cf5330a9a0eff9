"""Whatever is stored in whatever order: what was added up is what a naive sum says, and is again when it is made anew."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.catalog.contracts import PriceBook
from headworks.dataplane.events import UsageEvent
from headworks.kernel.clock import Clock
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands as ledger_commands
from headworks.ledger.contracts import RecordRange
from headworks.ledger.ports import BalanceFilter, Reading
from headworks.usage import commands
from headworks.usage.contracts import Figures
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.rollups import SECONDS, Compared, tags_of
from headworks.usage.facade import UsageFacade
from headworks.usage.ports import RecordFilter, ReportFilter, UsageStore
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper, ingest
from tests.support.usage_stores import USAGE_STORES, Accounting, accounting
from tests.unit.usage.conftest import NOON, NOON_US, Prices, book, event, price

NOON_S = NOON_US // 10**6
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TAGS = ("", '{"team":"a"}', '{"run":"1","team":"b"}')
some_events = st.lists(
    st.builds(
        event,
        st.integers(0, 500),
        occurred_at_us=st.integers(NOON_US - 26 * 3_600 * 10**6, NOON_US),
        organization_id=st.sampled_from(["org_1", "org_2"]),
        key_id=st.sampled_from(["key_1", "key_2"]),
        user_id=st.sampled_from(["", "usr_1"]),
        model=st.sampled_from(["fast", "slow"]),
        upstream_model=st.sampled_from(["gpt", "unpriced"]),
        outcome=st.sampled_from(["success", "truncated", "cancelled"]),
        usage_source=st.sampled_from(["provider", "estimated", "partial"]),
        status=st.sampled_from([200, 429, 502]),
        tags=st.sampled_from(TAGS),
        input_tokens=st.integers(0, 2**40),
        reasoning_tokens=st.integers(0, 9),
        duration_us=st.integers(0, 10**9),
    ),
    unique_by=lambda one: one.event_id,
    max_size=25,
)
batches = st.lists(some_events, max_size=4)


def naive(events: list[UsageEvent], costs: dict[str, int | None]) -> Figures:
    paid = [costs[one.event_id] for one in events]
    return Figures(
        requests=len(events),
        input_tokens=sum(one.input_tokens + one.cache_read_tokens for one in events),
        output_tokens=sum(one.output_tokens + one.reasoning_tokens for one in events),
        cache_read_tokens=sum(one.cache_read_tokens for one in events),
        reasoning_tokens=sum(one.reasoning_tokens for one in events),
        errors=sum(one.outcome == "truncated" for one in events),
        estimated_requests=sum(one.usage_source == "estimated" for one in events),
        partial_requests=sum(one.usage_source == "partial" for one in events),
        unpriced_requests=paid.count(None),
        cost_nanodollars=sum(cost or 0 for cost in paid),
        charge_nanodollars=sum(cost or 0 for cost in paid),
        duration_us=sum(one.duration_us for one in events),
    )


def value_of(one: UsageEvent, dimension: str) -> object:
    if dimension in TEXTS:
        return getattr(one, TEXTS[dimension])
    if dimension.startswith("tag:"):
        return tags_of(one.tags).get(dimension.removeprefix("tag:"))
    seconds = SECONDS[dimension]  # type: ignore[index]
    return one.occurred_at_us // 10**6 // seconds * seconds


async def split(store: UsageStore, group_by: tuple[str, ...], grain: str) -> dict[tuple[object, ...], Figures]:
    wanted = ReportFilter(None, grain, 0, 2**33)  # type: ignore[arg-type]
    async with store.read(None) as reading:
        page, _ = await reading.report(wanted, group_by, PageRequest(1, 1_000))
    return {row.values: row.figures for row in page.items}


async def every_sum(store: UsageStore) -> list[object]:
    return [await split(store, (*TEXTS, "tag:team", "tag:run", grain), grain) for grain in SECONDS]


async def compared(store: UsageStore) -> Compared:
    found = Compared(0, 0, 0)
    for hour_s in range(NOON_S - 27 * 3_600, NOON_S + 3_600, 3_600):
        found += await commands.compare_hour(store, UsageSettings(minute_hours=200), hour_s, NOON_S)
    return found


async def make_anew(store: UsageStore) -> None:
    await commands.ask_anew(store, "org_1", (NOON - timedelta(days=2)).date(), NOON.date())
    while await commands.make_next_hour(store, UsageSettings(minute_hours=200), NOON_S):
        pass


@pytest.mark.parametrize("kind", USAGE_STORES)
@FEW
@given(
    deliveries=batches, dimensions=st.lists(st.sampled_from([*TEXTS, "tag:team", "tag:none"]), max_size=3, unique=True)
)
def test_sums_are_those_of_the_records_however_they_come(
    kind: str, deliveries: list[list[UsageEvent]], dimensions: list[str]
) -> None:
    async def run(books: Accounting) -> None:
        seen: dict[str, UsageEvent] = {}
        for batch in deliveries:
            await ingest(books.usage, Prices(), batch, clock=lambda: NOON)
            seen = {**{one.event_id: one for one in batch}, **seen}
        async with books.usage.read(None) as reading:
            costs = {
                one.event.event_id: one.cost_nanodollars
                for one in await reading.records(RecordFilter("org_1"), None, 999)
            }
            costs |= {
                one.event.event_id: one.cost_nanodollars
                for one in await reading.records(RecordFilter("org_2"), None, 999)
            }
        for grain in SECONDS:
            group_by = (*dimensions, grain)
            groups: defaultdict[tuple[object, ...], list[UsageEvent]] = defaultdict(list)
            for one in seen.values():
                groups[tuple(value_of(one, name) for name in group_by)].append(one)
            wanted = {place: naive(events, costs) for place, events in groups.items()}
            assert await split(books.usage, group_by, grain) == wanted
        before = await every_sum(books.usage)
        assert (await compared(books.usage)).wrong == 0
        await make_anew(books.usage)
        assert await every_sum(books.usage) == before

    _with(kind, run)


@pytest.mark.parametrize("kind", USAGE_STORES)
@FEW
@given(deliveries=batches, prices=st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_what_is_rated_anew_is_in_what_is_added_up(
    kind: str, deliveries: list[list[UsageEvent]], prices: list[int]
) -> None:
    async def run(books: Accounting) -> None:
        for batch in deliveries:
            await ingest(books.usage, Prices(), batch, clock=lambda: NOON)
        for times in prices:
            dearer = Prices()
            dearer.book = _times(times)
            for owner in ("org_1", "org_2"):
                async with books.ledger.writing(owner) as unit:
                    await ledger_commands.rerate(unit, dearer.book, RecordRange(0), NOON_US)
        before = await every_sum(books.usage)
        assert (await compared(books.usage)).wrong == 0
        await make_anew(books.usage)
        assert await every_sum(books.usage) == before
        charged = [figures.charge_nanodollars for figures in (await split(books.usage, (), "day")).values()]
        async with books.ledger.reading("org_1") as one, books.ledger.reading("org_2") as other:
            posted = [await _charged(one), await _charged(other)]
        assert sum(charged) == sum(posted), "reports say what the ledger charged"

    _with(kind, run)


async def test_the_keeper_makes_anew_forgets_and_compares(store: UsageStore, prices: Prices) -> None:
    late = timedelta(hours=50)
    await ingest(store, prices, [event(1), event(2, occurred_at_us=NOON_US - 3_600 * 10**6)], clock=lambda: NOON)
    keeper = Keeper(store, UsageSettings(), _at(NOON + late))
    await keeper.look_after()
    assert await split(store, ("minute",), "minute") == {}
    assert len(await split(store, ("hour",), "hour")) == 2
    keeper = Keeper(store, UsageSettings(hour_days=1), _at(NOON + late))
    await keeper.look_after()
    assert await split(store, ("hour",), "hour") == {}
    assert len(await split(store, ("day",), "day")) == 1
    await commands.ask_anew(store, "org_1", NOON.date(), NOON.date())
    await keeper.make_anew()
    assert len(await split(store, ("hour",), "hour")) == 2
    assert await split(store, ("minute",), "minute") == {}, "minutes of then are no longer kept"
    assert (keeper.compared.wrong, keeper.days_pending) == (0, 0)


async def test_the_keeper_finds_what_is_missing(store: UsageStore, prices: Prices) -> None:
    await ingest(store, prices, [event(1)], clock=lambda: NOON)
    async with store.transaction() as unit:
        assert await unit.forget("hour", NOON_S + 3_600, 86_400) == 1
    keeper = Keeper(store, UsageSettings(), _at(NOON + timedelta(hours=1)))
    await keeper.look_after()
    assert keeper.compared.wrong > 0
    assert keeper.compared.nanodollars == 2 * 3_700_000, "of the hour, and of the day beside its hours"


async def test_a_window_is_told_to_the_end_of_each_minute(store: UsageStore, prices: Prices) -> None:
    events = [event(number, occurred_at_us=NOON_US - number * 20_000_000) for number in range(6)]
    await ingest(store, prices, events, clock=lambda: NOON)
    facade = UsageFacade(store)
    since_us = NOON_US - 50_000_000
    assert await facade.used_in_window("org_1", "key", "key_1", "requests", since_us) == (
        (NOON_S - 1, 3),
        (NOON_S + 59, 1),
    )
    assert await facade.used_in_window("org_1", "model", "fast", "tokens", since_us) == (
        (NOON_S - 1, 3 * 135),
        (NOON_S + 59, 135),
    )
    assert await facade.used_in_window("org_1", "organization", "org_1", "spend", since_us) == (
        (NOON_S - 1, 3 * 3_700_000),
        (NOON_S + 59, 3_700_000),
    )
    assert await facade.used_in_window("org_2", "key", "key_1", "requests", since_us) == ()


def _at(moment: datetime) -> Clock:
    return lambda: moment


def _times(times: int) -> PriceBook:
    million = times * 10**9
    return book(price("prc_2", NOON - timedelta(days=100), None, million, million, 0, 0, 0, 0, million, million))


async def _charged(reading: Reading) -> int:
    page = await reading.balances(BalanceFilter(kind="charge"), PageRequest(1, 200))
    return sum(one.amount for one in page.items)


def _with(kind: str, run: Callable[[Accounting], Awaitable[None]]) -> None:
    async def opened() -> None:
        with TemporaryDirectory() as folder:
            async with accounting(kind, Path(folder)) as books:
                await run(books)

    asyncio.run(opened())
