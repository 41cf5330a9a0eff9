"""What every bus promises, in memory, in a file and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from headworks.kernel.bus import (
    Batching,
    Bus,
    BusFull,
    DeadLetter,
    Group,
    Message,
    Poison,
    Policy,
    Standing,
    TaskQueue,
    Topology,
)
from headworks.kernel.clock import now
from headworks.kernel.errors import Unavailable
from tests.support.buses import NOON, ONE, Buses, Heard, consuming, event, events, ids, until


async def standing(bus: Bus, name: str) -> Standing:
    return next(one for one in await bus.standing() if one.name == name)


async def is_empty(bus: Bus, name: str) -> bool:
    return (await standing(bus, name)).waiting == 0


async def dead(bus: Bus, name: str, count: int) -> list[DeadLetter]:
    """So many dead letters, as soon as there are as many."""

    async def enough() -> bool:
        return len(await bus.dead(name)) >= count

    await until(enough, f"{count} dead letters")
    return await bus.dead(name)


def bare(letter: DeadLetter) -> DeadLetter:
    """Without what differs by bus."""
    return replace(letter, deliveries=None, died_at=None)


async def test_every_group_hears_an_event_once(buses: Buses) -> None:
    bus = await buses.open()
    ledger, search = Heard(), Heard()
    async with consuming(bus, buses.name("ledger"), ledger), consuming(bus, buses.name("search"), search):
        await bus.publish(events(25))
        await bus.publish([event("evt_catalog", kind="catalog.model.changed.v1")])
        await until(lambda: len(search.messages) == 26 and len(ledger.messages) == 25, "all events")
    assert sorted(ids(ledger.messages)) == ids(events(25))
    assert sorted(ids(search.messages)) == sorted([*ids(events(25)), "evt_catalog"])


async def test_a_message_comes_as_it_was_sent(buses: Buses) -> None:
    sent = [
        Message("evt_1", "usage.recorded.v1", bytes(range(256)), NOON, "räkning ☃", "org_1", "application/x-spool"),
        Message("evt_2", "usage.recorded.v1", b"", NOON),
        Message("evt_3", "usage.recorded.v1", b"x" * 1_000_000, NOON),
    ]
    bus = await buses.open()
    heard = Heard()
    await bus.publish(sent)
    async with consuming(bus, buses.name("ledger"), heard):
        await until(lambda: len(heard.messages) == 3, "three messages")
    assert sorted(heard.messages, key=lambda one: one.id) == sent


async def test_what_no_group_hears_is_dropped(buses: Buses) -> None:
    bus = await buses.open()
    await bus.publish([])
    await bus.publish([event("evt_1", kind="identity.key.changed.v1")])
    assert [one.waiting for one in await bus.standing()] == [0, 0, 0]


async def test_messages_come_in_batches(buses: Buses) -> None:
    bus = await buses.open()
    heard = Heard()
    await bus.publish(events(10))
    async with consuming(bus, buses.name("ledger"), heard, Batching(messages=4, wait_seconds=0.5)):
        await until(lambda: len(heard.messages) == 10, "ten messages")
    assert max(len(batch) for batch in heard.batches) <= 4
    assert len(heard.batches) < 10


async def test_a_consumer_that_ends_before_its_handler_leaves_the_message(buses: Buses) -> None:
    bus = await buses.open()
    entered = asyncio.Event()

    async def never_returns(_batch: Sequence[Message]) -> None:
        entered.set()
        await asyncio.Event().wait()

    await bus.publish([event("evt_1")])
    async with consuming(bus, buses.name("ledger"), never_returns):
        await entered.wait()
    heard = Heard()
    async with consuming(bus, buses.name("ledger"), heard):
        await until(lambda: ids(heard.messages) == ["evt_1"], "the message again")
        assert (await standing(bus, buses.name("ledger"))).redelivered == 1


async def test_what_was_handled_does_not_come_again(buses: Buses) -> None:
    bus = await buses.open()
    first, second = Heard(), Heard()
    await bus.publish(events(5))
    async with consuming(bus, buses.name("ledger"), first, Batching(5, 0.5)):
        await until(lambda: len(first.messages) == 5, "five messages")
    await bus.publish([event("evt_later")])
    async with consuming(bus, buses.name("ledger"), second):
        await until(lambda: "evt_later" in ids(second.messages), "the later message")
    # The acknowledgement of the last batch may be on its way when a consumer is cancelled: then it comes twice, whole.
    assert ids(second.messages) in (["evt_later"], [*ids(events(5)), "evt_later"])


async def test_poison_becomes_a_dead_letter_and_the_rest_is_handled_at_once(buses: Buses) -> None:
    bus = await buses.open()
    heard = Heard()

    async def handler(batch: Sequence[Message]) -> None:
        bad = [one.id for one in batch if one.id.endswith("3")]
        if bad:
            raise Poison(bad, "no such model")
        await heard(batch)

    await bus.publish(events(10))
    async with consuming(bus, buses.name("ledger"), handler, Batching(10, 0.5)):
        await until(lambda: len(heard.messages) == 9, "nine messages")
        letters = await dead(bus, buses.name("ledger"), 1)
    assert [bare(letter) for letter in letters] == [
        DeadLetter(event("evt_00003"), buses.name("ledger"), "normal", "rejected")
    ]
    assert [letter.deliveries for letter in letters] == [None if buses.kind == "rabbitmq" else 1]
    assert max(Counter(ids(heard.messages)).values()) == 1
    assert await bus.dead(buses.name("search")) == []


async def test_the_message_at_fault_is_found_and_dies_at_its_limit(buses: Buses) -> None:
    bus = await buses.open(buses.topology(delivery_limit=3))
    heard = Heard()
    alone = 0

    async def handler(batch: Sequence[Message]) -> None:
        nonlocal alone
        if "evt_00007" in ids(batch):
            alone += len(batch) == 1
            raise ZeroDivisionError
        await heard(batch)

    await bus.publish(events(16))
    async with consuming(bus, buses.name("ledger"), handler, Batching(16, 0.5)):
        letters = await dead(bus, buses.name("ledger"), 1)
        await until(lambda: len(heard.messages) == 15, "the other fifteen")
    assert [bare(letter) for letter in letters] == [
        DeadLetter(event("evt_00007"), buses.name("ledger"), "normal", "delivery_limit")
    ]
    assert [letter.deliveries for letter in letters] == [3]
    assert alone == 3
    assert max(Counter(ids(heard.messages)).values()) == 1


async def test_a_message_that_waits_for_its_next_try_is_in_nobodys_way(buses: Buses) -> None:
    bus = await buses.open(pause=lambda _number: 3600)
    heard = Heard()
    tries: list[str] = []

    async def handler(batch: Sequence[Message]) -> None:
        if "evt_bad" in ids(batch):
            tries.append("evt_bad")
            raise ZeroDivisionError
        await heard(batch)

    await bus.publish([event("evt_bad")])
    async with consuming(bus, buses.name("ledger"), handler, ONE):
        await until(lambda: tries == ["evt_bad"], "the first try")
        await bus.publish(events(5))
        await until(lambda: len(heard.messages) == 5, "the others")
    assert tries == ["evt_bad"]


async def test_an_outage_costs_no_message_a_delivery(buses: Buses) -> None:
    bus = await buses.open(buses.topology(delivery_limit=2))
    heard = Heard()
    outages = 5

    async def handler(batch: Sequence[Message]) -> None:
        nonlocal outages
        outages -= 1
        if outages >= 0:
            raise Unavailable("The database is away.")
        await heard(batch)

    await bus.publish(events(3))
    async with consuming(bus, buses.name("ledger"), handler, Batching(3, 0.5)):
        await until(lambda: len(heard.messages) == 3, "all three")
        found = await standing(bus, buses.name("ledger"))
    assert (found.redelivered, found.dead) == (0, 0)


async def test_a_task_is_taken_by_one_worker(buses: Buses) -> None:
    bus = await buses.open()
    first, second = Heard(), Heard()
    name = buses.name("reports")
    async with consuming(bus, name, first, ONE), consuming(bus, name, second, ONE):
        await bus.submit(name, events(20))
        await until(lambda: len(first.messages) + len(second.messages) == 20, "twenty tasks")
    assert sorted(ids(first.messages) + ids(second.messages)) == ids(events(20))


async def test_what_is_urgent_goes_first(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("reports")
    for level in ("low", "normal", "high"):
        await bus.submit(name, events(3, level), level)
    heard = Heard()

    async def handler(batch: Sequence[Message]) -> None:
        await heard(batch)
        if len(heard.messages) == 4:
            await bus.submit(name, [event("overtaking")], "high")

    async with consuming(bus, name, handler, ONE):
        await until(lambda: len(heard.messages) == 10, "ten tasks")
    order = [one.partition("_")[0] for one in ids(heard.messages)]
    assert order == [*["high"] * 3, "normal", "overtaking", *["normal"] * 2, *["low"] * 3]


async def test_a_busy_worker_keeps_no_task_from_others(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("reports")
    busy, release, heard = asyncio.Event(), asyncio.Event(), Heard()

    async def long_one(_batch: Sequence[Message]) -> None:
        busy.set()
        await release.wait()

    async with consuming(bus, name, long_one, ONE):
        await bus.submit(name, [event("long")], "high")
        await busy.wait()
        await bus.submit(name, events(6), "low")
        async with consuming(bus, name, heard, ONE):
            await until(lambda: sorted(ids(heard.messages)) == ids(events(6)), "six tasks")
        release.set()


async def test_dead_letters_are_replayed_exactly_and_to_nobody_else(buses: Buses) -> None:
    bus = await buses.open()
    ledger, search = buses.name("ledger"), buses.name("search")

    async def refuses(batch: Sequence[Message]) -> None:
        raise Poison(ids(batch), "all of it")

    original = [event(f"evt_{number}", bytes([number])) for number in range(4)]
    await bus.publish(original)
    async with consuming(bus, ledger, refuses):
        await dead(bus, ledger, 4)
    elsewhere = Heard()
    async with consuming(bus, search, elsewhere):
        await until(lambda: len(elsewhere.messages) == 4, "the other group's")
        assert await bus.replay(ledger, ["evt_1", "evt_2", "evt_none"]) == 2
        assert sorted(ids(letter.message for letter in await bus.dead(ledger))) == ["evt_0", "evt_3"]
        assert await bus.discard(ledger, ["evt_0"]) == 1
        assert await bus.replay(ledger) == 1
        assert await bus.dead(ledger) == []
        again = Heard()
        async with consuming(bus, ledger, again):
            await until(lambda: len(again.messages) == 3, "the replayed")
        await bus.publish([event("evt_last")])
        await until(lambda: "evt_last" in ids(elsewhere.messages), "the last")
    assert sorted(again.messages, key=lambda one: one.id) == original[1:]
    assert len(elsewhere.messages) == 5


async def test_some_of_the_dead_letters_are_looked_at(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("ledger")

    async def refuses(batch: Sequence[Message]) -> None:
        raise Poison(ids(batch), "all of it")

    began = now().replace(microsecond=0)
    await bus.publish(events(5))
    async with consuming(bus, name, refuses):
        await dead(bus, name, 5)
    chosen = await bus.dead(name, ids=["evt_00003", "evt_00001", "evt_none"])
    assert sorted(ids(letter.message for letter in chosen)) == ["evt_00001", "evt_00003"]
    assert len(await bus.dead(name, 2)) == 2
    assert len(await bus.dead(name, 1, ["evt_00004", "evt_00002"])) == 1
    assert await bus.dead(name, ids=[]) == []
    for letter in chosen:
        if buses.kind == "sqlite":
            assert letter.died_at is None
        else:
            assert letter.died_at is not None
            assert began <= letter.died_at <= now()


async def test_dead_letters_are_there_for_the_next_who_looks(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("ledger")

    async def refuses(batch: Sequence[Message]) -> None:
        raise Poison(ids(batch), "all of it")

    await bus.publish(events(5))
    async with consuming(bus, name, refuses):
        await dead(bus, name, 5)
    for left in range(5, 0, -1):
        assert len(await bus.dead(name)) == left
        assert (await standing(bus, name)).dead == left
        assert len(await bus.dead(name, 1)) == 1
        assert await bus.replay(name, [f"evt_{left - 1:05}"]) == 1


async def test_a_task_is_replayed_as_urgent_as_it_was(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("reports")

    async def refuses(batch: Sequence[Message]) -> None:
        raise Poison(ids(batch), "all of it")

    await bus.submit(name, [event("late")], "low")
    await bus.submit(name, [event("soon")], "high")
    async with consuming(bus, name, refuses):
        letters = await dead(bus, name, 2)
    assert {letter.message.id: letter.level for letter in letters} == {"late": "low", "soon": "high"}
    await bus.submit(name, [event("between")], "normal")
    assert await bus.replay(name) == 2
    heard = Heard()
    async with consuming(bus, name, heard, ONE):
        await until(lambda: len(heard.messages) == 3, "three tasks")
    assert ids(heard.messages) == ["soon", "between", "late"]


async def test_looking_at_dead_letters_does_not_wear_them_out(buses: Buses) -> None:
    bus = await buses.open(buses.topology(delivery_limit=2))
    name = buses.name("ledger")

    async def refuses(batch: Sequence[Message]) -> None:
        raise Poison(ids(batch), "all of it")

    await bus.publish(events(3))
    async with consuming(bus, name, refuses):
        await dead(bus, name, 3)
    for _ in range(25):
        await dead(bus, name, 3)
    assert len(await bus.dead(name, limit=2)) == 2
    await until(lambda: _replayed(bus, name, 3), "all three")


async def _replayed(bus: Bus, name: str, count: int) -> bool:
    # What was just looked at comes back to the broker's queue a moment later.
    if len(await bus.dead(name)) < count:
        return False
    return await bus.replay(name) == count


async def test_a_full_queue_refuses_until_there_is_room(buses: Buses) -> None:
    bus = await buses.open(buses.topology(max_messages=5))
    name = buses.name("reports")
    taken = 0
    with pytest.raises(BusFull):
        # A broker may take some more than it should; it does not go on doing so.
        for number in range(200):
            await bus.submit(name, [event(f"evt_{number}")])
            taken += 1
    assert 5 <= taken < 200
    heard = Heard()
    async with consuming(bus, name, heard):
        await until(lambda: len(set(ids(heard.messages))) >= taken, "what was taken")
        await until(lambda: _has_room(bus, name), "room")
        await until(lambda: "evt_new" in ids(heard.messages), "the new one")
    assert {f"evt_{number}" for number in range(taken)} <= set(ids(heard.messages))


async def _has_room(bus: Bus, name: str) -> bool:
    try:
        await bus.submit(name, [event("evt_new")])
    except BusFull:
        return False
    return True


async def test_what_nobody_takes_in_time_is_dead(buses: Buses) -> None:
    bus = await buses.open(buses.topology(seconds_to_live=0.05))
    name = buses.name("reports")
    await bus.submit(name, [event("evt_1")])
    (letter,) = await dead(bus, name, 1)
    assert (letter.message, letter.reason) == (event("evt_1"), "expired")


async def test_standing_tells_what_waits_and_what_is_dead(buses: Buses) -> None:
    bus = await buses.open()
    name = buses.name("ledger")
    await bus.publish(events(7))

    async def seven() -> bool:
        return (await standing(bus, name)).waiting == 7

    await until(seven, "seven messages")
    entered, release = asyncio.Event(), asyncio.Event()

    async def handler(batch: Sequence[Message]) -> None:
        if "evt_00000" in ids(batch):
            raise Poison(["evt_00000"], "it is")
        entered.set()
        await release.wait()

    async with consuming(bus, name, handler, Batching(7, 0.5)):
        await entered.wait()
        await dead(bus, name, 1)
        found = await standing(bus, name)
        assert (found.waiting, found.dead) == (0, 1)
        assert found.oldest_seconds is not None
        assert found.oldest_seconds > 0
        release.set()


async def test_a_queue_that_is_not_in_the_topology_is_not_made_up(buses: Buses) -> None:
    bus = await buses.open()
    with pytest.raises(ValueError, match="no task queue"):
        await bus.submit(buses.name("ledger"), [event("evt_1")])
    with pytest.raises(ValueError, match="no group and no queue"):
        await bus.consume("nobody", Heard())
    for asked in (bus.dead("nobody"), bus.replay("nobody"), bus.discard("nobody", ["x"])):
        with pytest.raises(ValueError, match="no group and no queue"):
            await asked


async def test_a_bus_that_can_be_reached_says_so(buses: Buses) -> None:
    await (await buses.open()).ping()


@pytest.mark.parametrize("buses", ["sqlite", "rabbitmq"], indirect=True)
async def test_what_is_published_outlives_the_process(buses: Buses) -> None:
    bus = await buses.open()
    await bus.publish(events(3))
    await bus.submit(buses.name("reports"), [event("tsk_1")], "low")
    bus = await buses.reopen(bus)
    heard = Heard()
    async with consuming(bus, buses.name("ledger"), heard), consuming(bus, buses.name("reports"), heard):
        await until(lambda: len(heard.messages) == 4, "all four")
    assert sorted(ids(heard.messages)) == [*ids(events(3)), "tsk_1"]


async def test_groups_without_tasks_and_tasks_without_groups(buses: Buses) -> None:
    for topology in (
        Topology(groups=(Group(buses.name("only"), ("usage.#",), Policy()),)),
        Topology(queues=(TaskQueue(buses.name("alone")),)),
    ):
        bus = await buses.open(topology)
        await bus.publish([event("evt_1")])
        assert len(await bus.standing()) == 1
        await bus.close()
        buses._opened.remove(bus)
