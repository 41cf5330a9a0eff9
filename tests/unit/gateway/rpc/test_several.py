"""Several control planes: a gateway asks one, and another when that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from headworks.dataplane.flow import LeaseQuestion
from tests.unit.gateway.conftest import KEY_HASH, World, outage, question
from tests.unit.gateway.rpc.conftest import GATEWAY, Control, Gateway, gateway_of, until


@pytest.fixture
async def other() -> AsyncIterator[Control]:
    """A second control plane, which decides something else, so that one sees who did."""
    world = World()
    control = Control(world)
    await control.start()
    yield control
    await control.stop()


@pytest.fixture
async def between(control: Control, other: Control, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that knows both, and asks `control` first."""
    gateway = gateway_of(f"127.0.0.1:{control.port}", f"127.0.0.1:{other.port}", folder=tmp_path)
    watching = asyncio.create_task(gateway.watcher.run())
    await until(lambda: gateway.link.heard)
    yield gateway
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await gateway.link.close()
    gateway.kept.close()


def watches(control: Control) -> bool:
    return any(one.watches for one in control.roster.gateways())


async def test_it_asks_one_at_a_time(control: Control, other: Control, between: Gateway) -> None:
    assert "flow" in await between.ask()
    assert (watches(control), other.roster.gateways()) == (True, [])


async def test_no_question_fails_when_one_is_gone(control: Control, other: Control, between: Gateway) -> None:
    """Asked at the very moment, before the loss can have been noticed, and of what is not known here."""
    await control.stop()
    assert "flow" in await between.ask(question("slow"))
    assert (await between.ask(LeaseQuestion(GATEWAY, "bud_1", 0, 1, 1, "req_1")))["spent"]["amount"] == 0
    await until(lambda: between.link.heard and watches(other))
    assert between.controller.from_memory == 0


async def test_all_is_asked_anew_of_the_other(control: Control, other: Control, between: Gateway) -> None:
    between.table.told.clear()
    await control.stop()
    await until(lambda: watches(other) and between.link.heard)
    assert between.table.told == [("share", ""), ("all", "missed")], "once each, and what was kept for an outage stays"
    between.table.told.clear()
    other.changes.key(KEY_HASH)
    await until(lambda: between.table.told == [("key", KEY_HASH)])


async def test_it_stays_with_the_other_until_that_is_gone(control: Control, other: Control, between: Gateway) -> None:
    await control.stop()
    await until(lambda: watches(other))
    await control.restart()
    assert "flow" in await between.ask()
    assert not watches(control)
    await other.stop()
    await until(lambda: watches(control))
    assert "flow" in await between.ask(question("slow"))


async def test_with_none_left_it_goes_by_what_it_knows_and_finds_whoever_comes_back(
    control: Control, other: Control, between: Gateway
) -> None:
    assert "flow" in await between.ask()
    await control.stop()
    await other.stop()
    assert "flow" in await between.ask()
    assert (await between.ask(question("slow")))["refusal"]["status"] == 503
    await until(lambda: not between.link.heard)
    await other.restart()
    await until(lambda: between.link.heard and watches(other))


async def test_what_a_control_plane_cannot_tell_sends_nobody_away(
    control: Control, other: Control, between: Gateway, world: World
) -> None:
    """Its database is away, most likely the other's too: to go there would be to ask all anew for nothing."""
    world.failure = outage
    assert (await between.ask())["refusal"]["status"] == 503
    assert (watches(control), other.roster.gateways()) == (True, [])


async def test_who_does_not_hear_of_changes_is_left_for_who_does(
    control: Control, other: Control, between: Gateway
) -> None:
    control.deaf = other.deaf = True
    while await between.link._is_well(1):
        await asyncio.sleep(0)
    assert not await between.link.turn_to_a_better(), "both are deaf"
    other.deaf = False
    await until(lambda: watches(other) and not watches(control))


async def test_who_is_told_to_drain_is_told_again_wherever_it_asks(
    control: Control, other: Control, between: Gateway
) -> None:
    for one in (control, other):
        one.roster.order(frozenset({GATEWAY}))
    control.changes.wake()
    await until(lambda: between.drains[-1:] == [True])
    between.drains.clear()
    await control.stop()
    await until(lambda: between.drains[:1] == [True])
    other.roster.order(frozenset({"spl_2"}))
    other.changes.wake()
    await until(lambda: between.drains[-1] is False)


async def test_a_gateway_says_how_it_is_though_it_has_nothing_to_ask(control: Control, between: Gateway) -> None:
    (before,) = control.roster.gateways()
    between.said.open_requests = 5
    between.said.draining = True
    control.changes.wake()
    await until(lambda: control.roster.gateways()[0].said.open_requests == 5)
    (after,) = control.roster.gateways()
    assert after.said == replace(before.said, open_requests=5, draining=True)
    assert after.heard_at > before.heard_at


async def test_watches_end_before_the_control_plane_does(control: Control, other: Control, between: Gateway) -> None:
    """So nobody waits for the connection to be cut."""
    assert control.server is not None
    control.server._flows.leave()
    await until(lambda: watches(other))
    assert "flow" in await between.ask()


async def test_what_was_missed_is_told_to_each_with_its_own_order(control: Control, between: Gateway) -> None:
    control.roster.order(frozenset({GATEWAY}))
    control.changes.missed()
    await until(lambda: between.watcher.revision == 1)
    assert between.drains[-1] is True
    assert not control.changes._kept[0].HasField("drain"), "what others are told is as it was"
