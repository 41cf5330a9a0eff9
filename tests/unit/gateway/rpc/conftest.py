"""A control plane on a port of its own, and a gateway that asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headworks.dataplane.flow import AnyQuestion
from headworks.dataplane.wire.control_pb2 import Sender
from headworks.gateway.adapters.control import (
    KeptFlows,
    Link,
    RemoteController,
    RemoteLeases,
    RemoteShares,
    Watcher,
    connect,
)
from headworks.gateway.adapters.memory import MemoryLeaseOffice
from headworks.gateway.adapters.memory_shares import MemoryShareOffice
from headworks.gateway.commands import Sharing
from headworks.gateway.domain.roster import Roster
from headworks.gateway.rpc import Changes, ControlServer, Listen
from headworks.kernel.clock import unix_ms
from headworks.kernel.secrets import open_keyring
from tests.unit.gateway.conftest import World, controller_of, question

GATEWAY = "spl_1"


@dataclass
class Table:
    """What the engine was told to forget."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def key(self, key_hash: str) -> None:
        self.told.append(("key", key_hash))

    def everything(self, *, access: bool) -> None:
        self.told.append(("all", "access" if access else ""))

    def missed(self) -> None:
        self.told.append(("all", "missed"))

    def budget(self, budget_id: str) -> None:
        self.told.append(("budget", budget_id))

    def lease(self, budget_id: str) -> None:
        self.told.append(("lease", budget_id))

    def share(self, limit_id: str) -> None:
        self.told.append(("share", limit_id))


@dataclass
class Control:
    """The control plane, which can go away and come back."""

    world: World
    changes: Changes = field(default_factory=Changes)
    roster: Roster = field(default_factory=Roster)
    office: MemoryLeaseOffice = field(default_factory=MemoryLeaseOffice)
    unsettled: set[str] = field(default_factory=set)
    port: int = 0
    server: ControlServer | None = None
    released: list[tuple[str, str]] = field(default_factory=list)
    """Gateways, and the lives that keep what they hold."""
    deaf: bool = False
    shares: Sharing | None = None

    async def settled(self, source: str, event_ids: Sequence[str]) -> bool:
        assert source == GATEWAY
        return not self.unsettled.intersection(event_ids)

    async def release(self, source: str, life: str) -> int:
        self.released.append((source, life))
        return 0

    async def made(self) -> ControlServer:
        shares = self.shares = Sharing(MemoryShareOffice(self.changes.share))
        return ControlServer(
            controller_of(self.world, leases=self.office),
            self.office,
            self,
            shares,
            self.changes,
            self.roster,
            lambda: self.deaf,
        )

    async def start(self) -> None:
        self.server = await self.made()
        self.port = await self.server.start(Listen(f"127.0.0.1:{self.port}"))

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop(0)
            self.server = None

    async def restart(self) -> None:
        """Another process, which knows nothing of what this one told."""
        await self.stop()
        self.changes, self.roster = Changes(), Roster()
        await self.start()


@dataclass
class Gateway:
    """Its side of the link."""

    link: Link
    table: Table
    kept: KeptFlows
    controller: RemoteController
    leases: RemoteLeases
    shares: RemoteShares
    watcher: Watcher
    said: Sender
    """What it says of itself."""
    drains: list[bool]
    """What it was told to do."""

    async def ask(self, asked: AnyQuestion | None = None) -> dict[str, Any]:
        number, answer = await self.controller.answer(7, json.dumps(asdict(asked or question())))
        assert number == 7
        whole: dict[str, Any] = json.loads(answer)
        return whole


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it; the test's own time-out is the end of patience."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


def gateway_of(
    *addresses: str, folder: Path, silence_seconds: float = 6.0, clock_ms: Callable[[], int] = unix_ms
) -> Gateway:
    said = Sender(gateway=GATEWAY, version="1.2.3", waiting_records=7)
    link = connect(*addresses, sender=lambda: said)
    table = Table()
    sealer = open_keyring(folder / "keyring")
    kept = KeptFlows(folder / "flows.sqlite3", sealer, clock_ms=clock_ms)
    leases, shares = RemoteLeases(link), RemoteShares(link)
    controller = RemoteController(link, leases, shares, kept)
    drains = list[bool]()
    watcher = Watcher(GATEWAY, link, table, controller, kept, silence_seconds, drains.append)
    return Gateway(link, table, kept, controller, leases, shares, watcher, said, drains)


@pytest.fixture
async def control(world: World) -> AsyncIterator[Control]:
    control = Control(world)
    await control.start()
    yield control
    await control.stop()


@pytest.fixture
async def gateway(control: Control, tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = gateway_of(f"127.0.0.1:{control.port}", folder=tmp_path)
    watching = asyncio.create_task(gateway.watcher.run())
    await until(lambda: gateway.link.heard)
    yield gateway
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await gateway.link.close()
    gateway.kept.close()
