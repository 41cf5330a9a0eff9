from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from headworks.catalog.errors import CatalogUnavailable
from headworks.kernel.errors import Unavailable
from headworks.kernel.kept import Ages, Kept

AGES = Ages(check=1, reload=100, retry=5, hard=1000)


@dataclass
class Source:
    """A store that counts what it is asked."""

    revision: int = 1
    time: float = 0
    fails: bool = False
    loads: int = 0
    checks: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def load(self) -> tuple[int, str]:
        self.loads += 1
        revision = self.revision
        await self.gate.wait()
        self._fail()
        return revision, f"view {revision}"

    async def check(self) -> int:
        self.checks += 1
        self._fail()
        return self.revision

    def _fail(self) -> None:
        if self.fails:
            raise Unavailable("down", detail="the disk is gone")

    def kept(self) -> Kept[str]:
        return Kept(self.load, self.check, AGES, CatalogUnavailable, lambda: self.time)


async def test_it_is_loaded_once_and_checked_now_and_then() -> None:
    source = Source()
    kept = source.kept()
    for moment in (0, 0.5, 0.9):
        source.time = moment
        assert await kept.get() == ("view 1", 0)
    assert (source.loads, source.checks) == (1, 0)
    source.time = 1.0
    assert await kept.get() == ("view 1", 0)
    assert (source.loads, source.checks) == (1, 1)


async def test_another_process_changed_it() -> None:
    source = Source()
    kept = source.kept()
    await kept.get()
    source.revision, source.time = 2, 1.0
    assert await kept.get() == ("view 2", 0)


async def test_a_change_that_is_told_is_seen_at_once() -> None:
    source = Source()
    kept = source.kept()
    await kept.get()
    source.revision = 2
    kept.forget()
    assert await kept.get() == ("view 2", 0)
    assert source.checks == 0


async def test_a_change_during_a_read_leads_to_another_read() -> None:
    source = Source()
    source.gate.clear()
    kept = source.kept()
    reading = asyncio.ensure_future(kept.get())
    await asyncio.sleep(0)
    source.revision = 2
    kept.forget()
    source.gate.set()
    assert await reading == ("view 1", 0)
    assert await kept.get() == ("view 2", 0)


async def test_many_who_ask_cost_one_read() -> None:
    source = Source()
    source.gate.clear()
    kept = source.kept()
    asking = [asyncio.ensure_future(kept.get()) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*asking) == [("view 1", 0)] * 50
    assert source.loads == 1


async def test_it_is_read_anew_after_a_while_since_files_have_no_revision() -> None:
    source = Source()
    kept = source.kept()
    await kept.get()
    source.time = 100
    await kept.get()
    assert source.loads == 2


async def test_an_outage_is_bridged_for_a_time() -> None:
    source = Source()
    kept = source.kept()
    await kept.get()
    source.fails = True
    source.time = 10
    assert await kept.get() == ("view 1", 10)
    source.time = 999
    assert await kept.get() == ("view 1", 999)
    source.time = 1000
    with pytest.raises(CatalogUnavailable):
        await kept.get()
    source.fails, source.time = False, 1006
    assert await kept.get() == ("view 1", 0)


async def test_a_failing_store_is_left_alone_for_a_moment() -> None:
    source = Source()
    kept = source.kept()
    await kept.get()
    source.fails = True
    for moment in (10, 11, 14.9):
        source.time = moment
        await kept.get()
    assert source.checks == 1
    source.time = 15
    await kept.get()
    assert source.checks == 2


async def test_without_a_view_an_outage_is_an_outage() -> None:
    source = Source(fails=True)
    with pytest.raises(CatalogUnavailable) as refused:
        await source.kept().get()
    assert (refused.value.status, refused.value.detail) == (503, "the disk is gone")
