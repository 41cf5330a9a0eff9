"""A gateway and a control plane of which one is a release older: they work together, and lose nothing but what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from headworks.dataplane.flow import FLOW_VERSION
from headworks.dataplane.wire.control_pb2 import WatchResponse
from headworks.gateway.domain.roster import Said
from headworks.gateway.rpc import Changes
from tests.support import previous_wire as previous
from tests.unit.gateway.conftest import KEY_HASH
from tests.unit.gateway.rpc.conftest import GATEWAY, Control, Gateway, gateway_of, until

FLOWS = "FlowService"
UNKNOWN = bytes([0x9A, 0x06, 0x00])
"""Field 99 with nothing in it: what a release later may say."""


@dataclass
class OlderControl:
    """A control plane of a release ago, which tells what it is given."""

    told: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    asked: list[Any] = field(default_factory=list)

    async def resolve(self, request: Any, _context: object) -> Any:  # noqa: ANN401 - made at run time
        self.asked.append(request)
        return previous.message("ResolveResponse")(answer=b'{"flow": {}}')

    async def watch(self, request: Any, _context: object) -> AsyncIterator[Any]:  # noqa: ANN401 - as above
        self.asked.append(request)
        while True:
            yield await self.told.get()

    def tell(self, revision: int, **change: object) -> None:
        self.told.put_nowait(previous.message("WatchResponse")(instance="ctl_old", revision=revision, **change))


@pytest.fixture
async def older(tmp_path: Path) -> AsyncIterator[tuple[OlderControl, Gateway]]:
    """One, and a gateway of today that has begun to watch it."""
    control, server = OlderControl(), grpc.aio.server()
    previous.serve(server, FLOWS, {"Resolve": control.resolve, "Watch": control.watch})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    gateway = gateway_of(f"127.0.0.1:{port}", folder=tmp_path)
    watching = asyncio.create_task(gateway.watcher.run())
    control.tell(0, missed=previous.message("Missed")())
    await until(lambda: gateway.link.heard)
    gateway.table.told.clear()
    yield control, gateway
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await gateway.link.close()
    gateway.kept.close()
    await server.stop(0)


async def test_an_older_control_plane_is_asked_and_heard(older: tuple[OlderControl, Gateway]) -> None:
    control, gateway = older
    assert await gateway.ask() == {"flow": {}}
    control.tell(1, key_hash=KEY_HASH)
    control.tell(2, everything=previous.message("Everything")(access=True))
    await until(lambda: gateway.watcher.revision == 2)
    assert gateway.table.told == [("key", KEY_HASH), ("all", "access")]


async def test_it_knows_of_no_reports_and_orders_no_drain(older: tuple[OlderControl, Gateway]) -> None:
    control, gateway = older
    for _ in range(3):
        control.tell(0)
    control.tell(1, budget_id="bud_1")
    await until(lambda: gateway.watcher.revision == 1)
    assert gateway.watcher._reporting is not None
    await gateway.watcher._reporting
    assert (gateway.link.heard, gateway.drains) == (True, [])


async def test_an_older_gateway_asks_and_hears(control: Control) -> None:
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{control.port}")
    watch = previous.call(channel, FLOWS, "Watch")(
        previous.message("WatchRequest")(gateway=GATEWAY, sender=previous.message("Sender")(version="0.9"))
    )
    assert (await watch.read()).WhichOneof("change") == "missed"
    control.changes.key(KEY_HASH)
    assert (await watch.read()).key_hash == KEY_HASH
    control.roster.order(frozenset({GATEWAY}))
    control.changes.wake()
    beat = await watch.read()
    assert (beat.WhichOneof("change"), beat.revision) == (None, 1), "a beat, whatever else is in it"
    request = previous.message("ResolveRequest")(key_hash=KEY_HASH, endpoint="models", flow_version=FLOW_VERSION)
    assert b"flow" in (await previous.call(channel, FLOWS, "Resolve")(request)).answer
    (known,) = control.roster.gateways()
    assert known.said == Said("0.9")
    watch.cancel()
    await channel.close()


async def test_a_change_that_is_not_known_yet_is_everything(control: Control, gateway: Gateway) -> None:
    """A later release may tell of what this one has no word for."""
    change = WatchResponse()
    change.MergeFromString(UNKNOWN)
    gateway.table.told.clear()
    control.changes._tell(change)
    await until(lambda: gateway.watcher.revision == 1)
    assert gateway.table.told == [("all", "missed")]


async def test_a_beat_is_no_change_whatever_is_in_it(
    control: Control, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = Changes._beat

    def newer(self: Changes, revision: int) -> WatchResponse:
        made = beat(self, revision)
        made.MergeFromString(UNKNOWN)
        return made

    control.changes.key(KEY_HASH)
    await until(lambda: gateway.watcher.revision == 1)
    gateway.table.told.clear()
    monkeypatch.setattr(Changes, "_beat", newer)
    before = control.roster.gateways()[0].heard_at
    control.changes.wake()
    await until(lambda: control.roster.gateways()[0].heard_at > before)
    assert gateway.table.told == []
