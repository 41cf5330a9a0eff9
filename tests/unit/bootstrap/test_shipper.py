from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headworks.bootstrap import intake
from headworks.bootstrap import shipper as module
from headworks.bootstrap.intake import Intake
from headworks.bootstrap.shipper import Shipper, ShipperThread
from headworks.catalog.contracts import PriceBook
from headworks.kernel.database import Database, DatabaseUnavailable
from headworks.kernel.errors import Unavailable
from headworks.usage.ports import RecordFilter
from headworks.usage.tasks import ingest
from tests.support.engine_twin import EngineTwin
from tests.support.usage_events import usage_event
from tests.support.usage_stores import prepare_usage, sql_usage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Prices:
    """Nothing has a price; and the database fails as often as it is told to."""

    def __init__(self) -> None:
        self.outages = 0

    async def price_book(self) -> PriceBook:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailable("Not now.", detail="disk I/O error")
        return PriceBook({}, {}, 0)


class Rig:
    """A shipper between a twin of the engine and a real database."""

    def __init__(self, database: Database) -> None:
        self.engine = EngineTwin()
        self.prices = Prices()
        self.store = sql_usage(database)
        self.uses: list[Mapping[str, datetime]] = []
        self.shipper = Shipper(self.engine, Intake(self.store, self.prices, self.record_uses))

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        self.uses.append(uses)

    async def stored(self) -> list[str]:
        async with self.store.read(None) as reading:
            return [record.event.event_id for record in await reading.records(RecordFilter("org_1"), None, 9999)]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    for pause in ("_FIRST_PAUSE", "_GATHER_SECONDS"):
        monkeypatch.setattr(module, pause, 0.001)
    database = prepare_usage(tmp_path / "usage.sqlite3")
    yield Rig(database)
    await database.close()


async def test_what_waits_is_stored_and_confirmed(rig: Rig) -> None:
    rig.engine.serve(*(usage_event(number) for number in range(5)))
    await rig.shipper.ship_all()
    assert len(await rig.stored()) == 5
    assert rig.engine.confirmed == 5


async def test_steps_are_passed_in_their_order(rig: Rig) -> None:
    rig.engine.serve(usage_event(1))
    await rig.shipper.ship_all()
    assert rig.engine.reached == ["K7", "K8", "K9"]


async def test_it_goes_on_in_batches(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    rig.engine.serve(*(usage_event(number) for number in range(5)))
    await rig.shipper.ship_all()
    assert len(await rig.stored()) == 5
    assert rig.engine.reached.count("K9") == 3


async def test_an_outage_delays_and_loses_nothing(rig: Rig, log: io.StringIO) -> None:
    rig.prices.outages = 3
    rig.engine.serve(usage_event(1))
    await rig.shipper.ship_all()
    assert await rig.stored() == ["req_1"]
    assert rig.engine.confirmed == 1
    assert log.getvalue().count("trying again") == 3


async def test_trouble_shows_until_it_is_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 3600)
    rig.prices.outages = 1
    rig.engine.serve(usage_event(1))
    shipping = asyncio.create_task(rig.shipper.ship_all())
    while rig.prices.outages:
        await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="not being stored"):
        await rig.shipper.probe()
    shipping.cancel()
    await asyncio.gather(shipping, return_exceptions=True)
    await rig.shipper.ship_all()
    await rig.shipper.probe()


async def test_a_bug_is_no_reason_to_stop(rig: Rig, monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> None:
    calls: list[object] = []

    async def fail_once(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is called
        calls.append(arguments)
        if len(calls) == 1:
            raise ZeroDivisionError
        return await ingest(*arguments, **named)

    monkeypatch.setattr(intake, "ingest", fail_once)
    rig.engine.serve(usage_event(1))
    await rig.shipper.ship_all()
    assert await rig.stored() == ["req_1"]
    assert "ZeroDivisionError" in log.getvalue()


async def test_what_was_taken_before_a_cancellation_is_stored_after_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool gives nothing twice, and a later confirmation would let it forget the first batch."""
    monkeypatch.setattr(module, "_FIRST_PAUSE", 3600)
    rig.prices.outages = 1
    rig.engine.serve(usage_event(1))
    shipping = asyncio.create_task(rig.shipper.ship_all())
    while rig.prices.outages:
        await asyncio.sleep(0)
    shipping.cancel()
    await asyncio.gather(shipping, return_exceptions=True)
    assert rig.engine.confirmed == 0
    rig.engine.serve(usage_event(2))
    assert await rig.shipper.finish(10)
    assert sorted(await rig.stored()) == ["req_1", "req_2"]
    assert rig.engine.confirmed == 2


async def test_the_end_does_not_wait_for_ever(rig: Rig) -> None:
    rig.prices.outages = 10**9
    rig.engine.serve(usage_event(1))
    assert not await rig.shipper.finish(0.05)
    assert rig.engine.confirmed == 0


async def test_redelivery_changes_nothing(rig: Rig) -> None:
    rig.engine.serve(usage_event(1), usage_event(1), usage_event(2))
    await rig.shipper.ship_all()
    rig.engine.serve(usage_event(2))
    await rig.shipper.ship_all()
    assert sorted(await rig.stored()) == ["req_1", "req_2"]
    assert rig.engine.confirmed == 4


async def test_it_wakes_when_something_waits(rig: Rig) -> None:
    running = asyncio.create_task(rig.shipper.run())
    await asyncio.sleep(0)
    rig.engine.serve(usage_event(1))
    async with asyncio.timeout(10):
        while rig.engine.confirmed < 1:
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await rig.stored() == ["req_1"]


async def test_last_uses_are_written_at_the_end(rig: Rig) -> None:
    first = usage_event(1).occurred_at_us
    rig.engine.serve(usage_event(1, occurred_at_us=first + 1_000_000), usage_event(2))
    rig.engine.serve(usage_event(3, key_id="key_2"))
    await rig.shipper.finish(10)
    at = {"key_1": EPOCH + timedelta(microseconds=first + 1_000_000), "key_2": EPOCH + timedelta(microseconds=first)}
    assert rig.uses == [at]


def intake_of(rig: Rig, path: Path) -> Intake:
    """As the rig's, with a connection of its own."""
    database = Database.sqlite(path, inline=True)
    return Intake(sql_usage(database), rig.prices, rig.record_uses, [database])


async def test_its_thread_ships_the_rest_before_it_ends(rig: Rig, tmp_path: Path) -> None:
    thread = ShipperThread(rig.engine, intake_of(rig, tmp_path / "usage.sqlite3"))
    ended = thread.start()
    rig.engine.serve(*(usage_event(number) for number in range(3)))
    await asyncio.to_thread(thread.stop)
    assert ended.done()
    assert len(await rig.stored()) == 3
    assert rig.engine.confirmed == 3
    assert rig.uses


async def test_a_shipper_that_breaks_is_noticed(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_shipper: Shipper) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Shipper, "run", broken)
    ended = ShipperThread(rig.engine, intake_of(rig, tmp_path / "usage.sqlite3")).start()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(asyncio.wrap_future(ended), 10)
