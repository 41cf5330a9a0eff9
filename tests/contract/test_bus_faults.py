"""RabbitMQ dies, blocks, hangs up and refuses; consumers are killed. Nothing is lost, and what comes twice has the same id."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from headworks.kernel.bus import (
    Batching,
    Bus,
    BusFull,
    BusRefused,
    BusUnavailable,
    Group,
    Message,
    Policy,
    TaskQueue,
    Topology,
)
from headworks.kernel.bus.adapters.rabbitmq.address import Address
from headworks.kernel.bus.adapters.rabbitmq.bus import RabbitBus, Waits
from headworks.kernel.bus.adapters.rabbitmq.layout import EVENTS
from headworks.kernel.bus.adapters.rabbitmq.link import Link
from headworks.kernel.bus.adapters.sqlite import SqliteBus
from headworks.kernel.secrets import Secret
from tests.support.bus_consumer import topology as consumers_topology
from tests.support.buses import ONE, Heard, consuming, event, events, ids, soon, unbind, until
from tests.support.certificates import write_certificate
from tests.support.child import Child, Failure, eventually, free_port
from tests.support.peers import listening
from tests.support.rabbitmq import PASSWORD, PREFIX, RabbitServer
from tests.support.servers.missing import Missing

PATIENT = Waits(connect_seconds=20, publish_seconds=90)
HASTY = Waits(connect_seconds=2, publish_seconds=2)
_marks = count(1)


@pytest.fixture(scope="module")
def node() -> Iterator[RabbitServer]:
    """A broker that tests may kill."""
    try:
        server = RabbitServer()
    except Missing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture
def topology(node: RabbitServer) -> Iterator[Topology]:
    mark = f"f{next(_marks)}"
    topology = Topology((Group(f"{mark}-ledger", ("usage.#",)),), (TaskQueue(f"{mark}-reports"),))
    yield topology
    asyncio.run(unbind(node.address, topology))


@asynccontextmanager
async def bus_on(address: Address, topology: Topology, waits: Waits = PATIENT) -> AsyncIterator[RabbitBus]:
    bus = RabbitBus(address, topology, waits=waits, pause=soon)
    try:
        yield bus
    finally:
        await bus.close()


async def ready(node: RabbitServer, bus: Bus) -> None:
    """All queues are there.

    A node that another test has killed takes connections before all of it has recovered.
    """

    async def answers() -> bool:
        try:
            await bus.ping()
        except BusUnavailable:
            return False
        return True

    try:
        await until(answers, "a broker that declares queues")
    except Failure as failure:
        raise Failure(f"{failure}\n{node.log()[-8000:]}") from failure


async def declared(node: RabbitServer, bus: Bus) -> None:
    """All queues are there, and on disk."""
    await ready(node, bus)
    await asyncio.to_thread(node.settle)


def ledger(topology: Topology) -> str:
    return topology.groups[0].name


async def test_a_broker_killed_while_we_publish_loses_nothing_that_it_confirmed(
    node: RabbitServer, topology: Topology
) -> None:
    heard = Heard()
    async with bus_on(node.address, topology) as bus:
        published: list[str] = []

        async def publish() -> None:
            for number in range(40):
                batch = events(100, f"evt_{number}")
                await bus.publish(batch)
                published.extend(ids(batch))

        await declared(node, bus)
        publishing = asyncio.create_task(publish())
        await until(lambda: len(published) >= 500, "some of them")
        await asyncio.to_thread(node.kill)
        assert not publishing.done()
        await asyncio.to_thread(node.start)
        await publishing
        async with consuming(bus, ledger(topology), heard):
            await until(lambda: set(ids(heard.messages)) == set(published), "all that was confirmed")
    assert len(published) == 4000


async def test_a_broker_killed_while_we_consume_loses_nothing(node: RabbitServer, topology: Topology) -> None:
    heard = Heard()
    held = asyncio.Event()

    async def slowly(batch: Sequence[Message]) -> None:
        await asyncio.sleep(0)
        await heard(batch)
        if len(heard.batches) == 5:
            held.set()

    async with bus_on(node.address, topology) as bus:
        await declared(node, bus)
        await bus.publish(events(1000))
        async with consuming(bus, ledger(topology), slowly, Batching(20, 0.05)):
            await held.wait()
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.start)
            await until(lambda: set(ids(heard.messages)) == set(ids(events(1000))), "all of them")


async def test_connections_that_are_cut_come_back(node: RabbitServer, topology: Topology) -> None:
    heard = Heard()
    async with bus_on(node.address, topology) as bus, consuming(bus, ledger(topology), heard):
        for turn in range(3):
            await bus.publish(events(10, f"evt_{turn}"))
            await until(lambda wanted=10 * (turn + 1): len(set(ids(heard.messages))) == wanted, "ten more")  # type: ignore[misc]
            await asyncio.to_thread(node.hang_up)
        await bus.publish([event("evt_last")])
        await until(lambda: "evt_last" in ids(heard.messages), "the last")


async def test_a_queue_that_somebody_deleted_is_made_anew(node: RabbitServer, topology: Topology) -> None:
    heard = Heard()
    async with bus_on(node.address, topology) as bus, consuming(bus, ledger(topology), heard):
        await bus.publish([event("evt_1")])
        await until(lambda: ids(heard.messages) == ["evt_1"], "the first")
        await asyncio.to_thread(node.control, "delete_queue", "-p", f"{PREFIX}-events", ledger(topology))

        async def taken() -> bool:
            with suppress(BusRefused):
                await bus.publish([event("evt_2")])
                return True
            return False

        await until(taken, "the second is taken")
        await until(lambda: "evt_2" in ids(heard.messages), "the second")


async def test_a_broker_that_is_away_at_the_start_is_waited_for(node: RabbitServer, topology: Topology) -> None:
    # So that no queue of the tests before comes back half.
    await asyncio.to_thread(node.settle)
    await asyncio.to_thread(node.kill)
    heard = Heard()
    try:
        async with bus_on(node.address, topology, HASTY) as hasty:
            with pytest.raises(BusUnavailable):
                await hasty.publish([event("evt_1")])
            with pytest.raises(BusUnavailable):
                await hasty.ping()
            with pytest.raises(BusUnavailable):
                await hasty.standing()
    finally:
        async with bus_on(node.address, topology) as bus, consuming(bus, ledger(topology), heard) as consumer:
            publishing = asyncio.create_task(bus.publish([event("evt_2")]))
            await asyncio.to_thread(node.start)
            await publishing
            await until(lambda: "evt_2" in ids(heard.messages), "the event")
            assert not consumer.done()


async def test_a_broker_without_memory_blocks_nobody_for_ever_and_costs_us_none(
    node: RabbitServer, topology: Topology
) -> None:
    heard = Heard()
    async with bus_on(node.address, topology, HASTY) as bus:
        async with bus_on(node.address, topology) as patient:
            await patient.publish([event("evt_before")])
        await asyncio.to_thread(node.block)
        try:

            async def is_blocked() -> bool:
                with suppress(BusUnavailable):
                    await bus.publish([event("evt_probe")])
                    return False
                return True

            await until(is_blocked, "the alarm")
            # A consumer has a connection of its own, and goes on.
            async with consuming(bus, ledger(topology), heard):
                await until(lambda: "evt_before" in ids(heard.messages), "what was there")
            body = b"x" * 1_000_000
            before = psutil.Process().memory_info().rss
            for number in range(5):
                with pytest.raises(BusUnavailable, match="did not confirm in time"):
                    await bus.publish([event(f"evt_{number}_{one}", body) for one in range(50)])
            assert psutil.Process().memory_info().rss - before < 100_000_000
        finally:
            await asyncio.to_thread(node.unblock)

        async def taken() -> bool:
            with suppress(BusUnavailable):
                await bus.publish([event("evt_after")])
                return True
            return False

        await until(taken, "room again")
        async with consuming(bus, ledger(topology), heard):
            await until(lambda: "evt_after" in ids(heard.messages), "the last")


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("kind", ["rabbitmq", "sqlite"])
async def test_a_consumer_that_is_killed_leaves_its_messages_to_the_next(
    kind: str, point: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    mark = f"k{next(_marks)}"
    topology = consumers_topology(mark)
    where = str(tmp_path / "bus.sqlite3")
    node: RabbitServer | None = None
    if kind == "rabbitmq":
        node = request.getfixturevalue("node")
        where = node.url()

    async def opened() -> Bus:
        if node is None:
            return await SqliteBus.open(Path(where), topology, pause=soon)
        return RabbitBus(node.address, topology, waits=PATIENT, pause=soon)

    bus = await opened()
    await bus.publish(events(30))
    await bus.close()
    committed = tmp_path / "committed"
    command = [sys.executable, "-m", "tests.support.bus_consumer", kind, where, mark, str(committed), point]
    with Child(command, log=tmp_path / "log", settings={"PYTHONPATH": f"src{os.pathsep}."}) as child:
        await asyncio.to_thread(lambda: eventually(lambda: "standing" in child.output(), what=child.output()))
        child.kill()
    first = committed.read_text().split() if committed.exists() else []
    assert len(first) == (10 if point == "after" else 0)
    heard = Heard()
    bus = await opened()
    async with consuming(bus, ledger(topology), heard, Batching(10)):
        await until(lambda: sorted(ids(heard.messages)) == ids(events(30)), "all thirty, those that it had included")
    await bus.close()
    if node is not None:
        await unbind(node.address, topology)


async def test_a_killed_publisher_leaves_whole_batches_or_none_in_a_file(tmp_path: Path) -> None:
    """What is in the file after `publish` returned is there after a kill: WAL, synced at each commit."""
    topology = consumers_topology("p")
    script = (
        "import asyncio, pathlib, sys\n"
        "from headworks.kernel.bus.adapters.sqlite import SqliteBus\n"
        "from tests.support.bus_consumer import topology\n"
        "from tests.support.buses import events\n"
        "async def main():\n"
        "    bus = await SqliteBus.open(pathlib.Path(sys.argv[1]), topology('p'))\n"
        "    for number in range(100_000):\n"
        "        await bus.publish(events(20, f'evt_{number:06}'))\n"
        "        print(number, flush=True)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "bus.sqlite3"
    command = [sys.executable, "-c", script, str(path)]
    with Child(command, log=tmp_path / "log", settings={"PYTHONPATH": f"src{os.pathsep}."}) as child:
        await asyncio.to_thread(lambda: eventually(lambda: child.output().count("\n") > 10, what=child.output()))
        child.kill()
        told = [int(line) for line in child.output().split()]
    bus = await SqliteBus.open(path, topology, pause=soon)
    heard = Heard()
    try:
        async with consuming(bus, "p-ledger", heard, Batching(1000)):
            wanted = {one.id for number in told for one in events(20, f"evt_{number:06}")}
            await until(lambda: wanted <= set(ids(heard.messages)), "all that was published")
    finally:
        await bus.close()
    assert len(heard.messages) % 20 == 0


async def test_a_file_belongs_to_one_process(tmp_path: Path) -> None:
    topology = consumers_topology("x")
    bus = await SqliteBus.open(tmp_path / "bus.sqlite3", topology)
    with pytest.raises(BusRefused, match="Another process"):
        await SqliteBus.open(tmp_path / "bus.sqlite3", topology)
    await bus.close()
    await (await SqliteBus.open(tmp_path / "bus.sqlite3", topology)).close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ({"password": "wrong"}, "refuses the user name or the password"),
        ({"user": "nobody"}, "refuses the user name or the password"),
        ({"prefix": "elsewhere"}, "rabbitmqctl add_vhost elsewhere-events"),
    ],
)
async def test_wrong_credentials_are_said_at_once(
    node: RabbitServer, topology: Topology, url: dict[str, Any], said: str, log: io.StringIO
) -> None:
    address = Address.parse(Secret(node.url(**url)))
    async with bus_on(address, topology) as bus:
        for attempt in (bus.publish([event("evt_1")]), bus.ping(), bus.dead(ledger(topology))):
            with pytest.raises(BusRefused, match=said) as refused:
                await attempt
            assert "wrong" not in str(refused.value)
        async with consuming(bus, ledger(topology), Heard()) as consumer:
            # It may be mended while we run.
            await until(lambda: log.getvalue().count("no messages for now") >= 2, "a second try")
            assert not consumer.done()
    assert PASSWORD not in log.getvalue()


async def test_a_user_without_permissions_is_told_so(node: RabbitServer, topology: Topology) -> None:
    for side in ("events", "tasks"):
        await asyncio.to_thread(node.control, "add_vhost", f"closed-{side}")
        await asyncio.to_thread(node.control, "set_permissions", "-p", f"closed-{side}", "headworks", "^$", "^$", "^$")
    async with bus_on(Address.parse(Secret(node.url("closed"))), topology) as bus:
        with pytest.raises(BusRefused, match="does not let our user"):
            await bus.ping()


async def test_something_else_on_the_port_is_not_taken_for_a_broker(topology: Topology) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def says_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    for peer in (answers, says_nothing):
        async with listening(peer) as port:
            address = Address.parse(Secret(f"amqp://headworks:secret@127.0.0.1:{port}/headworks"))
            async with bus_on(address, topology, HASTY) as bus:
                with pytest.raises(BusUnavailable):
                    await bus.publish([event("evt_1")])


async def test_a_queue_with_other_settings_is_not_used(node: RabbitServer, topology: Topology) -> None:
    other = Topology(groups=(Group(ledger(topology), ("usage.#",), Policy(delivery_limit=7)),))
    async with bus_on(node.address, topology) as bus, bus_on(node.address, other) as misfit:
        await ready(node, bus)
        with pytest.raises(BusRefused, match="other settings"):
            await misfit.publish([event("evt_1")])
        await bus.publish([event("evt_1")])


async def test_what_somebody_else_publishes_is_a_dead_letter_at_once(node: RabbitServer, topology: Topology) -> None:
    async def nothing(_channel: object) -> None:
        """Declares nothing."""

    heard = Heard()
    async with bus_on(node.address, topology) as bus, consuming(bus, ledger(topology), heard, ONE):
        await ready(node, bus)
        link = Link(node.address, "events", nothing, connect_seconds=20, purpose="foreign")
        channel = await link.channel(confirms=True)
        await channel.basic_publish(b"what is this", exchange=EVENTS, routing_key="usage.recorded.v1")
        await link.close()
        await bus.publish([event("evt_1")])
        await until(lambda: ids(heard.messages) == ["evt_1"], "ours")

        async def is_dead() -> bool:
            return (await bus.standing())[0].dead == 1

        await until(is_dead, "the dead letter")
        assert await bus.dead(ledger(topology)) == []


async def test_a_full_queue_refuses_events_and_keeps_those_that_it_took(node: RabbitServer) -> None:
    topology = Topology(groups=(Group(f"f{next(_marks)}-ledger", ("usage.#",), Policy(max_messages=10)),))
    taken: list[str] = []
    heard = Heard()
    async with bus_on(node.address, topology) as bus:
        with pytest.raises(BusFull):
            for number in range(200):
                await bus.publish([event(f"evt_{number}")])
                taken.append(f"evt_{number}")
        async with consuming(bus, ledger(topology), heard):
            await until(lambda: set(taken) <= set(ids(heard.messages)), "what was taken")
    await unbind(node.address, topology)


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RabbitServer, int, Path]]:
    """A broker that speaks TLS, its port for that, and its certificate."""
    certificate, key = write_certificate(tmp_path_factory.mktemp("certificate"))
    port = free_port()
    try:
        server = RabbitServer()
    except Missing as missing:
        pytest.skip(str(missing))
    server.speak_tls(port, certificate, key)
    with server:
        yield server, port, certificate


async def test_a_certificate_that_is_believed_opens(speaker: tuple[RabbitServer, int, Path]) -> None:
    server, port, certificate = speaker
    topology = Topology(groups=(Group("tls-ledger", ("usage.#",)),))
    heard = Heard()
    for mode in ("verify-full", "verify-ca", "require"):
        url = server.url(port=port).replace("amqp:", "amqps:") + f"?sslmode={mode}&sslrootcert={certificate}"
        async with bus_on(Address.parse(Secret(url)), topology) as bus:
            await bus.publish([event(f"evt_{mode}")])
            async with consuming(bus, "tls-ledger", heard):
                await until(lambda wanted=f"evt_{mode}": wanted in ids(heard.messages), "the event")  # type: ignore[misc]


async def test_a_certificate_of_nobody_does_not(speaker: tuple[RabbitServer, int, Path]) -> None:
    server, port, _ = speaker
    address = Address.parse(Secret(server.url(port=port).replace("amqp:", "amqps:")))
    async with bus_on(address, Topology(), HASTY) as bus:
        with pytest.raises(BusUnavailable, match=r"(?i)certificate"):
            await bus.ping()


async def test_a_plain_port_is_not_spoken_to_in_the_clear_by_who_wants_tls(node: RabbitServer) -> None:
    address = Address.parse(Secret(node.url().replace("amqp:", "amqps:") + "?sslmode=require"))
    async with bus_on(address, Topology(), HASTY) as bus:
        with pytest.raises(BusUnavailable):
            await bus.ping()
