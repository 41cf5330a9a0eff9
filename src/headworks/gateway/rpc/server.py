"""The gRPC server: `FlowService`, `LeaseService`, `ShareService`, and `grpc.health.v1`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

from headworks.dataplane.wire.control_pb2_grpc import (
    add_FlowServiceServicer_to_server,
    add_LeaseServiceServicer_to_server,
    add_ShareServiceServicer_to_server,
)
from headworks.gateway.rpc.flows import FlowServicer
from headworks.gateway.rpc.leases import LeaseServicer
from headworks.gateway.rpc.shares import ShareServicer

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.ports import AsksShares, LeaseOffice, Releases
    from headworks.gateway.rpc.changes import Changes
    from headworks.gateway.tasks import Controller

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.max_concurrent_streams", 1_000),
    # Gateways look after idle connections themselves: no more often than this.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
)
_LOOK_SECONDS: Final = 0.5
SERVICES: Final = ("headworks.v1.FlowService", "headworks.v1.LeaseService", "headworks.v1.ShareService")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen; `credentials` are `grpc.ssl_server_credentials`, or None for plain text."""

    address: str
    """`host:port`; port 0 takes a free one."""
    credentials: grpc.ServerCredentials | None = None


class ControlServer:
    """Serves gateways from `start` to `stop`, within one event loop."""

    def __init__(
        self,
        controller: Controller,
        office: LeaseOffice,
        releases: Releases,
        shares: AsksShares,
        changes: Changes,
        roster: Roster,
        deaf: Callable[[], bool] = bool,
    ) -> None:
        """`deaf`: whether changes of other control planes are not heard now; then gateways do better elsewhere."""
        self._server = grpc.aio.server(options=_OPTIONS)
        self._health = health.aio.HealthServicer()
        self._deaf = deaf
        self._flows = FlowServicer(controller, changes, roster, deaf)
        self._telling: asyncio.Task[None] | None = None
        add_FlowServiceServicer_to_server(self._flows, self._server)
        add_LeaseServiceServicer_to_server(LeaseServicer(office, releases, roster), self._server)
        add_ShareServiceServicer_to_server(ShareServicer(shares, roster), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(self, listen: Listen) -> int:
        """The port. Raises RuntimeError when the address is taken."""
        if listen.credentials is None:
            port = self._server.add_insecure_port(listen.address)
        else:
            port = self._server.add_secure_port(listen.address, listen.credentials)
        await self._server.start()
        self._telling = asyncio.create_task(self._tell_health(), name="health for gateways")
        return port

    async def _tell_health(self) -> None:
        told = None
        while True:
            state = HealthCheckResponse.NOT_SERVING if self._deaf() else HealthCheckResponse.SERVING
            if state != told:
                for name in (*SERVICES, health.OVERALL_HEALTH):
                    await self._health.set(name, state)
                told = state
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self, seconds: float) -> None:
        """Send gateways elsewhere, and finish what they have asked, for at most so long."""
        if self._telling is not None:
            self._telling.cancel()
        await self._health.enter_graceful_shutdown()
        self._flows.leave()
        await self._server.stop(seconds)
