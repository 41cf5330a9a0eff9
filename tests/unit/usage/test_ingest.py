from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.catalog.contracts import PriceBook
from headworks.catalog.errors import CatalogUnavailable
from headworks.dataplane.events import UsageEvent
from headworks.kernel.database import DatabaseUnavailable
from headworks.usage.contracts import Figures, Ingested, ReportRow
from headworks.usage.ports import Bookkeeper, UsageReading, UsageStore, UsageUnit
from headworks.usage.tasks import ingest
from tests.support.usage_stores import memory_usage
from tests.unit.usage.conftest import DAY_US, NOON, NOON_US, Prices, book, event, price, records, rejected, report

UNFIT = tuple(event(99, input_tokens=-1))


async def take(store: UsageStore, prices: Prices, *events: Sequence[object]) -> Ingested:
    return await ingest(store, prices, events, clock=lambda: NOON)


async def requests(store: UsageStore) -> int:
    return (await report(store))[1].requests


async def test_events_are_stored_rated_and_added_up(store: UsageStore, prices: Prices) -> None:
    done = await take(store, prices, event(1), tuple(event(2)), event(3, upstream_model="other"))
    assert done == Ingested(3, 0, 0, {"key_1": NOON})
    cost = 100 * 10_000 + 10 * 20_000 + 25 * 100_000
    assert {record.event.event_id: record.cost_nanodollars for record in await records(store)} == {
        "req_1": cost,
        "req_2": cost,
        "req_3": None,
    }
    rows, whole = await report(store, "key", "model", "day")
    assert whole == Figures(
        requests=3,
        input_tokens=330,
        output_tokens=75,
        cost_nanodollars=2 * cost,
        charge_nanodollars=2 * cost,
        unpriced_requests=1,
        cache_read_tokens=30,
        reasoning_tokens=15,
        duration_us=3_000,
    )
    assert rows == [ReportRow(("key_1", "fast", NOON_US // 10**6 - 43_200), whole)]


async def test_an_empty_batch_is_nothing(store: UsageStore, prices: Prices) -> None:
    assert await take(store, prices) == Ingested(0, 0, 0, {})


async def test_a_redelivery_changes_nothing(store: UsageStore, prices: Prices) -> None:
    batch = [event(number) for number in range(10)]
    await take(store, prices, *batch)
    before = await report(store, "key", "model", "day"), await records(store)
    again = await take(store, prices, *batch)
    assert (again.stored, again.redelivered) == (0, 10)
    mixed = await take(store, prices, *batch[5:], event(11), event(11))
    assert (mixed.stored, mixed.redelivered) == (1, 6)
    assert before[1] == [one for one in await records(store) if one.event.event_id != "req_11"]
    assert await requests(store) == 11


async def test_a_later_price_does_not_touch_what_is_recorded(store: UsageStore, prices: Prices) -> None:
    await take(store, prices, event())
    before = await records(store)
    prices.book = book(price("prc_2", NOON - timedelta(days=1), None, 7))
    await take(store, prices, event(1, input_tokens=999))
    assert await records(store) == before


async def test_an_event_that_cannot_be_stored_is_put_aside_and_no_other(store: UsageStore, prices: Prices) -> None:
    for _ in range(2):
        done = await take(store, prices, event(1), UNFIT, event(2), ("nonsense",))
        assert done.rejected == 2
    assert (await requests(store), await rejected(store)) == (2, 2)


async def test_only_unfit_events(store: UsageStore, prices: Prices) -> None:
    assert (await take(store, prices, UNFIT)).rejected == 1
    assert (await requests(store), await rejected(store)) == (0, 1)


async def test_what_the_store_refuses_is_put_aside_and_no_other(store: UsageStore, prices: Prices) -> None:
    """The sum of a group no longer fits: the events that make it so are put aside, one by one."""
    batch = [event(number, input_tokens=2**53, upstream_model="other") for number in range(1023)]
    await take(store, prices, *batch)
    good = [event(2000 + number, model="another") for number in range(9)]
    done = await take(
        store,
        prices,
        *good[:4],
        *(event(3000 + n, input_tokens=2**53, upstream_model="other") for n in range(2)),
        *good[4:],
    )
    assert (done.stored, done.rejected, done.redelivered) == (9, 2, 0)
    assert (await requests(store), await rejected(store)) == (1032, 2)


async def test_a_rejection_is_logged_with_its_reason(prices: Prices, log: io.StringIO) -> None:
    await take(memory_usage(), prices, UNFIT)
    assert "input_tokens is not a whole number" in log.getvalue()


async def test_odd_text_is_kept_readable(store: UsageStore, prices: Prices) -> None:
    await take(store, prices, event(1, model="a\0b\ud800", error_code="\x1b[0m"))
    (record,) = await records(store)
    assert (record.event.model, record.event.error_code) == ("a\ufffdb\ufffd", "\ufffd[0m")


async def test_late_events_land_in_their_own_day(store: UsageStore, prices: Prices) -> None:
    await take(store, prices, event(1), event(2, occurred_at_us=NOON_US - 3 * DAY_US))
    rows, _ = await report(store, "day")
    midnight_s = NOON_US // 10**6 - 43_200
    assert [row.values for row in rows] == [(midnight_s,), (midnight_s - 3 * 86_400,)]


async def test_last_uses_are_told_by_key(store: UsageStore, prices: Prices) -> None:
    done = await take(
        store,
        prices,
        event(1),
        event(2, occurred_at_us=NOON_US - 5),
        event(3, key_id="key_2", occurred_at_us=NOON_US - 9),
    )
    assert done.last_uses == {"key_1": NOON, "key_2": NOON - timedelta(microseconds=9)}


async def test_without_prices_nothing_is_stored(store: UsageStore) -> None:
    class Away(Prices):
        async def price_book(self) -> PriceBook:
            raise CatalogUnavailable("down")

    with pytest.raises(CatalogUnavailable):
        await take(store, Away(), event())
    assert await records(store) == []


async def test_a_death_before_the_commit_leaves_nothing(store: UsageStore, prices: Prices) -> None:
    class Killed(Exception):
        pass

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        await ingest(store, prices, [event(), UNFIT], clock=lambda: NOON, before_commit=die)
    assert (await requests(store), await rejected(store)) == (0, 0)
    assert (await take(store, prices, event(), UNFIT)).stored == 1


async def test_every_commit_can_be_interrupted(store: UsageStore, prices: Prices) -> None:
    reached: list[str] = []
    await ingest(store, prices, [event(), UNFIT], clock=lambda: NOON, before_commit=lambda: reached.append("K8"))
    await ingest(store, prices, [event()], clock=lambda: NOON, before_commit=lambda: reached.append("K8"))
    assert reached == ["K8"] * 3


@dataclass
class Flaky:
    """A store whose transactions fail at their end, when they are told to."""

    inner: UsageStore
    fails: Callable[[], bool]

    @property
    def bookkeeper(self) -> Bookkeeper:
        return self.inner.bookkeeper

    def read(self, organization_id: str | None) -> AbstractAsyncContextManager[UsageReading]:
        return self.inner.read(organization_id)

    def transaction(self) -> AbstractAsyncContextManager[UsageUnit]:
        if self.fails():
            raise DatabaseUnavailable("down")
        return self.inner.transaction()

    async def make_partitions(self, at: datetime) -> Sequence[str]:
        return await self.inner.make_partitions(at)

    async def drop_partitions(self, before_us: int) -> Sequence[str]:
        return await self.inner.drop_partitions(before_us)


def described(events: Sequence[UsageEvent]) -> Figures:
    """What a set of events adds up to, computed the simple way."""
    costs = [
        one.input_tokens * 10_000
        + one.cache_read_tokens * 20_000
        + (one.output_tokens + one.reasoning_tokens) * 100_000
        for one in events
    ]
    return Figures(
        requests=len(events),
        input_tokens=sum(one.input_tokens + one.cache_read_tokens for one in events),
        output_tokens=sum(one.output_tokens + one.reasoning_tokens for one in events),
        estimated_requests=sum(one.usage_source == "estimated" for one in events),
        errors=sum(one.outcome == "truncated" for one in events),
        cost_nanodollars=sum(costs),
        unpriced_requests=0,
        cache_read_tokens=sum(one.cache_read_tokens for one in events),
        reasoning_tokens=sum(one.reasoning_tokens for one in events),
        charge_nanodollars=sum(costs),
        duration_us=sum(one.duration_us for one in events),
    )


EVENTS = [
    event(
        number,
        key_id=f"key_{number % 3}",
        input_tokens=number,
        occurred_at_us=NOON_US - (number % 4) * DAY_US,
        outcome="truncated" if number % 5 == 0 else "success",
        usage_source="estimated" if number % 5 == 0 else "provider",
        source=f"spool_{number % 2}",
    )
    for number in range(12)
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deliveries=st.lists(st.lists(st.integers(0, len(EVENTS) - 1), max_size=15), max_size=8),
    failures=st.lists(st.booleans(), max_size=12),
)
def test_whatever_is_delivered_however_often_the_sums_are_of_the_set(
    deliveries: list[list[int]], failures: list[bool]
) -> None:
    """Batches of any size, with duplicates in and between them, and with failures that make them come again."""

    async def run() -> None:
        inner, prices, plan = memory_usage(), Prices(), list(failures)
        store = Flaky(inner, lambda: plan.pop() if plan else False)
        for delivery in deliveries:
            done = False
            while not done:
                try:
                    await take(store, prices, *(EVENTS[number] for number in delivery))
                except DatabaseUnavailable:
                    continue
                done = True
        seen = [EVENTS[number] for number in {number for delivery in deliveries for number in delivery}]
        rows, whole = await report(inner, "key", "day")
        assert whole == described(seen)
        for row in rows:
            group = [one for one in seen if (one.key_id, _day(one)) == row.values]
            assert row.figures == described(group)
        assert sum(row.figures.requests for row in rows) == len(seen) == len(await records(inner))

    asyncio.run(run())


def _day(one: UsageEvent) -> object:
    return one.occurred_at_us // DAY_US * 86_400
