"""What control planes tell each other of gateways: the contract of `gateway.ports.Register`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.gateway import commands
from headworks.gateway.adapters.register import MemoryRegister
from headworks.gateway.adapters.sql import SqlRegister
from headworks.gateway.adapters.tables import SCHEMA
from headworks.gateway.domain.registered import Registered
from headworks.gateway.domain.roster import KnownGateway, Said
from headworks.gateway.errors import GatewayNotFound
from headworks.gateway.ports import Register
from headworks.kernel.audit import Change
from tests.support.databases import Databases
from tests.support.databases import Place as Tables

NOON = datetime(2026, 1, 2, 12, 0, 0, 7, tzinfo=UTC)
ONE = KnownGateway("spl_1", "10.0.0.7:5", NOON, Said("1.0", 3, 2), NOON, None, 12, 1)
IDLE = replace(ONE, said=Said("1.0", 0, 0, draining=True))


@dataclass
class Place:
    """A register as two control planes reach it."""

    one: Register
    other: Register
    trail: list[Change]


@pytest.fixture
def tables(engine: str, databases: Databases, tmp_path: Path) -> Tables | None:
    return None if engine == "memory" else databases.empty(engine, CATALOG, tmp_path, SCHEMA, takes_turns=False)


@pytest.fixture
async def place(tables: Tables | None) -> AsyncIterator[Place]:
    if tables is None:
        memory = MemoryRegister()
        yield Place(memory, memory, memory.changes)
        return
    trail = list[Change]()

    async def audit(_connection: AsyncConnection, change: Change) -> None:
        trail.append(change)

    both = tables.open(), tables.open()
    yield Place(SqlRegister(both[0], audit), SqlRegister(both[1], audit), trail)
    for database in both:
        await database.close()


def away(one: KnownGateway, at: datetime) -> KnownGateway:
    return replace(one, watching_since=None, away_since=at, watches=0)


def seconds(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


async def only(register: Register, at: datetime = NOON) -> Registered:
    (one,) = await register.gateways(at)
    return one


async def test_what_one_notes_the_other_shows(place: Place) -> None:
    assert await place.other.gateways(NOON) == []
    two = replace(ONE, id="spl_2", said=Said())
    await place.one.note("ctl_1", [two, ONE], 14, NOON)
    assert await place.other.gateways(NOON) == [
        Registered(ONE, "ctl_1", 14, NOON),
        Registered(two, "ctl_1", 14, NOON),
    ]
    newer = replace(ONE, revision=15, said=Said("1.1", 0, 0, draining=True), heard_at=seconds(1))
    await place.one.note("ctl_1", [newer], 15, seconds(1))
    assert (await place.other.gateways(seconds(1)))[0] == Registered(newer, "ctl_1", 15, seconds(1))


async def test_who_moved_is_where_it_watches_whoever_notes_last(place: Place) -> None:
    await place.one.note("ctl_1", [ONE], 1, NOON)
    await place.other.note("ctl_2", [ONE], 7, seconds(1))
    await place.one.note("ctl_1", [away(ONE, seconds(1))], 1, seconds(2))
    assert await only(place.one, seconds(2)) == Registered(ONE, "ctl_2", 7, seconds(1))
    await place.other.note("ctl_2", [away(ONE, seconds(3))], 7, seconds(3))
    assert (await only(place.one, seconds(3))).gateway.away_since == seconds(3)
    await place.one.note("ctl_1", [ONE], 1, seconds(4))
    assert (await only(place.one, seconds(4))).control == "ctl_1"


async def test_who_is_away_from_the_first_is_noted_once(place: Place) -> None:
    await place.one.note("ctl_1", [away(ONE, NOON)], 1, NOON)
    await place.other.note("ctl_2", [away(ONE, seconds(5))], 1, seconds(5))
    assert (await only(place.one, seconds(5))).control == "ctl_1"


async def test_two_that_note_it_first_at_the_same_moment(place: Place) -> None:
    for number in range(10):
        one = replace(ONE, id=f"spl_{number}")
        await asyncio.gather(place.one.note("ctl_1", [one], 1, NOON), place.other.note("ctl_2", [one], 1, NOON))
    assert len(await place.one.gateways(NOON)) == 10


async def test_whom_nobody_notes_any_more_is_away_and_later_forgotten(place: Place) -> None:
    await place.one.note("ctl_1", [ONE], 1, NOON)
    assert (await only(place.one, seconds(15))).gateway.away_since is None
    lost = await only(place.one, seconds(16))
    assert (lost.gateway.watching_since, lost.gateway.away_since) == (None, NOON)
    assert await place.one.gateways(NOON + timedelta(hours=1)) != []
    later = NOON + timedelta(hours=1, seconds=1)
    assert await place.one.gateways(later) == []
    await place.one.note("ctl_2", [], 1, later)
    assert await place.one.gateways(NOON) == [], "not even there any more"


async def test_a_gateway_drains_until_it_is_told_otherwise(place: Place) -> None:
    await place.one.note("ctl_1", [ONE], 1, NOON)
    for at in (seconds(1), seconds(2)):
        assert (await commands.drain(place.one, "spl_1", at)).draining_since == seconds(1), "safe to repeat"
    assert await place.other.to_drain() == {"spl_1"}
    assert not (await only(place.other)).drained
    await place.other.note("ctl_2", [IDLE], 1, seconds(3))
    assert (await only(place.one, seconds(3))).drained
    for _ in range(2):
        await commands.undrain(place.other, "spl_1", seconds(4))
    assert await place.one.to_drain() == frozenset()
    assert [(change.action, change.resource_id) for change in place.trail] == [
        ("gateways.drained", "spl_1"),
        ("gateways.undrained", "spl_1"),
    ]


async def test_only_what_is_known_drains_and_what_was_forgotten_is_let_go(place: Place) -> None:
    for command in (commands.drain, commands.undrain):
        with pytest.raises(GatewayNotFound, match="spl_1"):
            await command(place.one, "spl_1", NOON)
    await place.one.note("ctl_1", [ONE], 1, NOON)
    await commands.drain(place.one, "spl_1", NOON)
    await commands.undrain(place.one, "spl_1", NOON + timedelta(days=1))
    assert await place.one.to_drain() == frozenset()


@pytest.mark.parametrize(
    ("known", "drained"),
    [
        (IDLE, True),
        (replace(IDLE, said=replace(IDLE.said, open_requests=1)), False),
        (replace(IDLE, said=replace(IDLE.said, waiting_records=1)), False),
        (replace(IDLE, said=replace(IDLE.said, waiting_records=None)), False),
        (replace(IDLE, said=replace(IDLE.said, draining=False)), False),
        (away(IDLE, NOON), False),
    ],
)
def test_drained_is_who_was_told_and_has_nothing_left(known: KnownGateway, *, drained: bool) -> None:
    ordered = Registered(known, "ctl_1", 1, NOON, NOON)
    assert ordered.drained is drained
    assert not replace(ordered, draining_since=None).drained


async def test_what_does_not_fit_is_cut(place: Place) -> None:
    """A gateway may say of itself what it likes."""
    await place.one.note("ctl_1", [replace(ONE, said=Said("v" * 1000), address="a" * 1000)], 1, NOON)
    assert (await only(place.one)).gateway.said.version.startswith("v" * 64)
