"""Events, a price book, and a store of either kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from headworks.catalog.contracts import Price, PriceBook, Rates
from headworks.dataplane.events import UsageEvent
from headworks.kernel.pagination import PageRequest
from headworks.usage.contracts import Figures, ReportRow, UsageRecord
from headworks.usage.ports import RecordFilter, ReportFilter, UsageStore
from tests.support.usage_events import usage_event
from tests.support.usage_stores import USAGE_STORES, usage_store

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def event(number: int = 1, /, **changes: object) -> UsageEvent:
    """One of noon, with some of its input cached and some of its output reasoned."""
    plain = {
        "occurred_at_us": NOON_US,
        "model": "fast",
        "upstream_model": "gpt",
        "input_tokens": 100,
        "cache_read_tokens": 10,
        "output_tokens": 20,
        "reasoning_tokens": 5,
        "upstream_request_id": "up_1",
    }
    return usage_event(number, **(plain | changes))


def price(name: str, begin: datetime, end: datetime | None, *rates: int) -> Price:
    whole = Rates(*(rates + (0,) * (len(Rates._fields) - len(rates))))
    return Price(name, "shipped", "openai", "gpt", whole, begin, end, "", date(2026, 1, 1), begin)


def book(*prices: Price) -> PriceBook:
    return PriceBook({("shipped", "openai", "gpt"): prices}, {"prv_1": (("shipped", "openai"),)}, 1)


class Prices:
    """The port of the same name: a cent for a thousand tokens of input, two for cached ones, ten for output."""

    def __init__(self) -> None:
        begin = NOON - timedelta(days=100)
        million = 10**10
        self.book = book(price("prc_1", begin, None, million, 2 * million, 0, 0, 0, 0, 10 * million, 10 * million))

    async def price_book(self) -> PriceBook:
        return self.book


@pytest.fixture
def prices() -> Prices:
    return Prices()


@pytest.fixture(params=USAGE_STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageStore]:
    async with usage_store(request.param, tmp_path) as store:
        yield store


async def report(store: UsageStore, *group_by: str) -> tuple[list[ReportRow], Figures]:
    async with store.read(None) as reading:
        wanted = ReportFilter("org_1", "day", 0, 2**33)
        page, whole = await reading.report(wanted, group_by, PageRequest(1, 200))
    return list(page.items), whole.figures


async def records(store: UsageStore) -> list[UsageRecord]:
    async with store.read(None) as reading:
        return await reading.records(RecordFilter("org_1"), None, 10_000)


async def rejected(store: UsageStore) -> int:
    async with store.read(None) as reading:
        return await reading.rejected()
