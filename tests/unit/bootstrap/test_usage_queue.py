"""Usage over the bus: nothing is lost on the way, and what makes no sense is put aside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headworks.bootstrap.intake import Intake
from headworks.bootstrap.messages import TOPOLOGY, USAGE, USAGE_RECORDED
from headworks.bootstrap.remote import FormerLife
from headworks.bootstrap.usage_queue import UsageQueue, store_for_ever
from headworks.catalog.contracts import PriceBook
from headworks.kernel.bus import Message
from headworks.kernel.bus.adapters.memory import MemoryBus
from headworks.usage.ports import RecordFilter, UsageStore
from tests.support.usage_events import usage_event
from tests.support.usage_stores import prepare_usage, sql_usage


class Prices:
    """Nothing has one."""

    async def price_book(self) -> PriceBook:
        return PriceBook({}, {}, 0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[UsageStore]:
    database = prepare_usage(tmp_path / "usage.sqlite3")
    yield sql_usage(database)
    await database.close()


async def stored(store: UsageStore) -> list[str]:
    async with store.read(None) as reading:
        return [record.event.event_id for record in await reading.records(RecordFilter("org_1"), None, 9_999)]


async def written(_uses: Mapping[str, datetime]) -> None:
    """Nobody asks."""


def nothing() -> None:
    """Before the last step."""


async def put_aside(store: UsageStore) -> int:
    async with store.read(None) as reading:
        return await reading.rejected()


async def until_stored(bus: MemoryBus, store: UsageStore, count: int, aside: int = 0) -> None:
    storing = asyncio.create_task(store_for_ever(bus, Intake(store, Prices(), written)))
    async with asyncio.timeout(30):
        # What is put aside is so in a transaction of its own, after the others.
        while len(await stored(store)) < count or await put_aside(store) < aside:
            await asyncio.sleep(0.01)
    storing.cancel()
    with suppress(asyncio.CancelledError):
        await storing


def queue_on(bus: MemoryBus) -> UsageQueue:
    recovered: Future[None] = Future()
    recovered.set_result(None)
    return UsageQueue(bus, FormerLife(), recovered)


async def test_what_gateways_hand_over_is_stored_once(store: UsageStore) -> None:
    bus = MemoryBus(TOPOLOGY)
    events = [usage_event(number) for number in range(450)]
    await queue_on(bus).take(events, nothing)
    # The same again, cut otherwise: as after a death before the spool was told.
    await queue_on(bus).take(events[100:], nothing)
    await until_stored(bus, store, 450)
    assert sorted(await stored(store)) == sorted(event.event_id for event in events)


async def test_a_message_that_makes_no_sense_is_in_nobodys_way(store: UsageStore) -> None:
    bus = MemoryBus(TOPOLOGY)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    bodies = [b"\xff", b"{", b"{}", b'["a"]', b"[" * 100_000, b"null"]
    await bus.publish([Message(f"bad-{number}", USAGE_RECORDED.name, body, at) for number, body in enumerate(bodies)])
    await queue_on(bus).take([usage_event(1)], nothing)
    await until_stored(bus, store, 1)
    assert {letter.message.id for letter in await bus.dead(USAGE.name)} == {f"bad-{n}" for n in range(len(bodies))}


async def test_events_that_make_no_sense_are_put_aside_with_the_reason(store: UsageStore) -> None:
    bus = MemoryBus(TOPOLOGY)
    body = b'[[1], [], ["spool_1", {"a": []}, null], "x"]'.replace(b', "x"', b"")
    await bus.publish([Message("odd", USAGE_RECORDED.name, body, datetime(2026, 1, 2, tzinfo=UTC))])
    await queue_on(bus).take([usage_event(1)], nothing)
    await until_stored(bus, store, 1, aside=3)
    assert await put_aside(store) == 3
    assert await bus.dead(USAGE.name) == []


async def test_a_former_life_is_known_until_it_is_handed_over() -> None:
    recovered: Future[None] = Future()
    former = FormerLife()
    queue = UsageQueue(MemoryBus(TOPOLOGY), former, recovered)
    source = usage_event(1).source
    await queue.take([usage_event(1), usage_event(2)], nothing)
    recovered.set_result(None)
    await queue.take([usage_event(3)], nothing)
    assert former.of(source) == ["req_1", "req_2"]
    former.forget(source)
    assert former.of(source) == []


async def test_nothing_is_known_to_be_handed_over_that_was_not() -> None:
    class Away(MemoryBus):
        async def publish(self, events: Sequence[Message]) -> None:
            raise ConnectionError

    former = FormerLife()
    with pytest.raises(ConnectionError):
        await UsageQueue(Away(TOPOLOGY), former, Future()).take([usage_event(1)], nothing)
    assert former.of(usage_event(1).source) == []
