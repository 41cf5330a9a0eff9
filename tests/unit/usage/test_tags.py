"""Whatever tags come in whatever batches: the whole is what it was, groups are few, and sums made anew are those added up."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.dataplane.events import UsageEvent
from headworks.kernel.moments import micros
from headworks.kernel.pagination import PageRequest
from headworks.ledger import commands as ledger_commands
from headworks.ledger.contracts import RecordRange
from headworks.usage import commands
from headworks.usage.domain.admission import OTHER, SETS_A_VALUE
from headworks.usage.domain.dimensions import TEXTS
from headworks.usage.domain.rollups import SECONDS
from headworks.usage.ports import RecordFilter, ReportFilter, UsageStore
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import ingest
from tests.support.ledgers import FixedPrices
from tests.support.usage_stores import USAGE_STORES, Accounting, accounting
from tests.unit.usage.conftest import event

FEW = 2
NAMES = ("run", "team", "user")
MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)
MIDNIGHT_US = micros(MIDNIGHT)
HOURS = range(-2, 2)
SETTINGS = UsageSettings(minute_hours=200)
THOROUGH = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
some_tags = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1", "2", "3", "4", OTHER]), max_size=3)
some_events = st.lists(
    st.builds(
        event,
        st.integers(0, 5_000),
        occurred_at_us=st.integers(MIDNIGHT_US - 2 * 3_600 * 10**6, MIDNIGHT_US + 2 * 3_600 * 10**6 - 1),
        organization_id=st.sampled_from(["org_1", "org_2"]),
        tags=some_tags.map(lambda tags: json.dumps(tags, sort_keys=True) if tags else ""),
        input_tokens=st.integers(0, 2**40),
    ),
    unique_by=lambda one: one.event_id,
    max_size=60,
)


async def sums(store: UsageStore, *group_by: str, grain: str = "day") -> dict[tuple[Any, ...], Any]:
    async with store.read(None) as reading:
        page, _ = await reading.report(ReportFilter(None, grain, 0, 2**33), group_by, PageRequest(1, 1_000))  # type: ignore[arg-type]
    return {row.values: row.figures for row in page.items}


async def every_sum(store: UsageStore) -> list[Any]:
    by = (*TEXTS, *(f"tag:{name}" for name in (*NAMES, OTHER)))
    return [await sums(store, *by, grain, grain=grain) for grain in SECONDS]


async def wrong(store: UsageStore) -> int:
    first_s = MIDNIGHT_US // 10**6
    found = [await commands.compare_hour(store, SETTINGS, first_s + hour * 3_600, first_s) for hour in HOURS]
    return sum(one.wrong for one in found)


async def make_anew(store: UsageStore) -> None:
    await commands.ask_anew(store, "org_1", (MIDNIGHT - timedelta(days=1)).date(), MIDNIGHT.date())
    while await commands.make_next_hour(store, SETTINGS, MIDNIGHT_US // 10**6):
        pass


async def records(store: UsageStore) -> set[tuple[str, str]]:
    async with store.read(None) as reading:
        found = [await reading.records(RecordFilter(owner), None, 1_000) for owner in ("org_1", "org_2")]
    return {(one.event.event_id, one.event.tags) for some in found for one in some}


@pytest.mark.parametrize("kind", USAGE_STORES)
@THOROUGH
@given(events=some_events, cuts=st.lists(st.integers(0, 60), max_size=5), rated=st.integers(1, 3))
def test_sums_made_anew_are_those_that_were_added_up(
    kind: str, events: list[UsageEvent], cuts: list[int], rated: int
) -> None:
    async def run(books: Accounting) -> None:
        bounds = [0, *sorted(cuts), len(events)]
        for begin, end in pairwise(bounds):
            await ingest(books.usage, FixedPrices(), events[begin:end], clock=lambda: MIDNIGHT + timedelta(hours=2))
            assert await wrong(books.usage) == 0
        for owner in ("org_1", "org_2"):
            async with books.ledger.writing(owner) as unit:
                await ledger_commands.rerate(unit, FixedPrices(rated).book, RecordRange(0), MIDNIGHT_US)
        assert await records(books.usage) == {(one.event_id, one.tags) for one in events}
        await _is_bounded(books.usage)
        whole: defaultdict[tuple[str, int], int] = defaultdict(int)
        for one in events:
            day_s = one.occurred_at_us // 10**6 // 86_400 * 86_400
            whole[one.organization_id, day_s] += 1
        assert {key: one.requests for key, one in (await sums(books.usage, "organization", "day")).items()} == whole
        assert await wrong(books.usage) == 0
        before = await every_sum(books.usage)
        await make_anew(books.usage)
        assert await every_sum(books.usage) == before
        assert await wrong(books.usage) == 0

    _with(kind, run)


async def _is_bounded(store: UsageStore) -> None:
    """One day here is of one month, the other of the next."""
    by_name = [await sums(store, "organization", f"tag:{name}", "day") for name in NAMES]
    for found in by_name:
        values: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        for owner, value, day_s in found:
            if value not in (None, OTHER):
                values[owner, day_s].add(value)
        assert all(len(some) <= FEW for some in values.values())
    sets: defaultdict[tuple[str, int], int] = defaultdict(int)
    for owner, *_, day_s in await sums(store, "organization", *(f"tag:{name}" for name in (*NAMES, OTHER)), "day"):
        sets[owner, day_s] += 1
    # Beside those: what has no tags, and what has none that is told apart.
    assert all(count <= SETS_A_VALUE * FEW + 2 for count in sets.values())


def _with(kind: str, run: Callable[[Accounting], Awaitable[None]]) -> None:
    async def opened() -> None:
        with TemporaryDirectory() as folder:
            async with accounting(kind, Path(folder), FEW) as books:
                await run(books)

    asyncio.run(opened())
