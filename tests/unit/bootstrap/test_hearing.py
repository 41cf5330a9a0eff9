"""What another process changed is published here: once, in order, and after an outage too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from headworks.bootstrap import hearing as module
from headworks.bootstrap.forgetting import forget_on_changes
from headworks.bootstrap.hearing import Hearing
from headworks.catalog.adapters import tables as catalog
from headworks.identity.adapters import tables as identity
from headworks.kernel.database import EVERYTHING, Database, DatabaseUnavailable, Sight, prepare_schema
from headworks.kernel.errors import Unavailable
from headworks.kernel.events import EventBus, MayHaveMissed
from headworks.ledger.adapters import tables as ledger
from headworks.limits.adapters import tables as limits
from headworks.limits.adapters.sql import SqlLimits
from headworks.limits.contracts import Limit, LimitsChanged
from tests.support.events import Overheard
from tests.unit.gateway.rpc.conftest import Table, until

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ANNOUNCEMENTS = limits.ANNOUNCEMENTS


@dataclass
class Process:
    """Something that changes limits, and hears of changes."""

    path: Path
    events: list[object] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        self.database = Database.sqlite(self.path)
        self.bus = Overheard(self.events)
        self.store = SqlLimits(self.database, self.bus)
        self.hearing = Hearing({"limits": (self.database, ANNOUNCEMENTS)}, self.bus)
        reading = self.database.read

        @asynccontextmanager
        async def read(sight: Sight) -> AsyncIterator[AsyncConnection]:
            if self.away:
                raise DatabaseUnavailable("It is away.")
            async with reading(sight) as connection:
                yield connection

        self.database.read = read  # type: ignore[method-assign]

    async def begin(self) -> None:
        for ear in self.hearing._ears:
            await ear.begin()

    async def listen(self) -> None:
        for ear in self.hearing._ears:
            await ear.listen()

    async def change(self, owner: str) -> None:
        async with self.store.writing(owner) as writer:
            await writer.add(Limit(f"lim_{owner}", owner, "key", "key_1", "requests", "minute", 60, NOON, NOON))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    path = tmp_path / "limits.sqlite3"
    prepare_schema(path, limits.SCHEMA)
    one, other = Process(path), Process(path)
    yield one, other
    for process in (one, other):
        await process.database.close()


async def test_a_change_is_heard_by_the_others_and_told_once_by_who_made_it(processes: tuple[Process, Process]) -> None:
    one, other = processes
    await one.change("org_before")
    for process in processes:
        await process.begin()
        process.events.clear()
    for owner in ("org_1", "org_2"):
        await one.change(owner)
        await other.change(f"{owner}_too")
    for process in processes:
        await process.listen()
    owners = ["org_1", "org_2", "org_1_too", "org_2_too"]
    assert one.events == [LimitsChanged(owner) for owner in owners]
    assert other.events == [LimitsChanged(owner) for owner in owners[2:] + owners[:2]]
    await one.change("org_last")
    await other.listen()
    assert other.events[-1] == LimitsChanged("org_last")
    assert (one.hearing.heard, other.hearing.heard) == (2, 3)


async def test_nothing_is_missed_while_others_change_things(processes: tuple[Process, Process]) -> None:
    """What is read before its writer knows that it is committed may be told twice; that does no harm."""
    one, other = processes
    async with one.hearing.opened(), other.hearing.opened():
        for number in range(20):
            await one.change(f"org_{number}")
            await other.change(f"org_{number}_too")
        told = {LimitsChanged(f"org_{number}{end}") for number in range(20) for end in ("", "_too")}
        await until(lambda: told == {*one.events} == {*other.events})


async def test_what_was_committed_without_our_knowing_is_told(processes: tuple[Process, Process]) -> None:
    """The connection was lost at the commit: it was made, and who asked for it got an error."""
    one, _ = processes

    async def lose_the_answer() -> None:
        with one.bus.after():
            await one.change("org_1")
            one.events.clear()
            one.bus._told.clear()
            raise ConnectionResetError

    async with one.hearing.opened():
        with pytest.raises(ConnectionResetError):
            await lose_the_answer()
        await until(lambda: one.events == [LimitsChanged("org_1")])


async def test_what_was_changed_during_an_outage_is_told_after_it_and_no_more(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEAF_SECONDS", 0.0)
    one, other = processes
    async with other.hearing.opened():
        await other.hearing.probe()
        other.away = True
        await until(lambda: other.hearing.deaf)
        with pytest.raises(Unavailable, match="not heard"):
            await other.hearing.probe()
        await one.change("org_1")
        other.away = False
        await until(lambda: not other.hearing.deaf)
        await until(lambda: bool(other.events))
        assert other.events == [LimitsChanged("org_1")]
        await other.hearing.probe()


async def test_who_could_not_read_at_the_start_reads_all_anew(processes: tuple[Process, Process]) -> None:
    _, other = processes
    other.away = True
    async with other.hearing.opened():
        other.away = False
        await until(lambda: other.events == [MayHaveMissed()])


async def test_gateways_are_told_that_they_missed_something(processes: tuple[Process, Process]) -> None:
    one, other = processes
    table = Table()
    forget_on_changes(other.bus, table)
    await one.change("org_1")
    async with other.hearing.opened():
        async with one.database.transaction(EVERYTHING) as connection:
            await connection.execute(delete(ANNOUNCEMENTS._rows))
        await until(lambda: table.told == [("all", "missed")])


def test_whatever_makes_decisions_old_is_announced() -> None:
    """Each kind of event that somebody forgets something for must reach other processes."""
    announced = {kind for tables in (identity, catalog, limits, ledger) for kind in tables.ANNOUNCEMENTS.kinds.values()}
    bus = EventBus()
    forget_on_changes(bus, Table())
    assert set(bus._handlers) - announced == {MayHaveMissed}
