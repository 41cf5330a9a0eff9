"""The connection to the control plane: to one of several at a time. gRPC makes it anew for ever, with growing pauses and jitter.

One at a time, because an answer is right until its change is told, and each control plane tells of a change when it has heard of it
itself: who asked one and watched another could keep an answer that nobody calls old.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from headworks.dataplane.wire.control_pb2 import Sender
from headworks.dataplane.wire.control_pb2_grpc import FlowServiceStub, LeaseServiceStub, ShareServiceStub
from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")

_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A machine that went away without a word is found out within this and the time-out.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # Several control planes behind one name: one of them, whichever answers, until it is gone.
    ("grpc.service_config", '{"loadBalancingConfig":[{"pick_first":{"shuffleAddressList":true}}]}'),
    ("grpc.enable_retries", 0),
)
_DEADLINE_SECONDS: Final = 2.0
_SHORT_DEADLINE_SECONDS: Final = 0.25
_TURN_SECONDS: Final = 0.5
"""How long a question waits for the next control plane when its own is gone."""
_HOPE_SECONDS: Final = 5.0
"""How long nothing may be heard, at the start and of those that are turned to, before all are taken to be away."""
_HEALTH_SECONDS: Final = 1.0
ANSWERED: Final = "headworks-answered"
"""In the trailing metadata of what a control plane itself says. A connection that is gone says the same without it."""
_FLOWS: Final = "headworks.v1.FlowService"


class Link:
    """Channels, who speaks over them, and whether anything was heard over the one in use lately. Belongs to one event loop."""

    def __init__(self, channels: Sequence[grpc.aio.Channel], sender: Callable[[], Sender] = Sender) -> None:
        """The first is used first. `sender` is what this gateway says of itself with everything that it asks."""
        self._channels = list(channels)
        self._stubs = [
            (FlowServiceStub(channel), LeaseServiceStub(channel), ShareServiceStub(channel)) for channel in channels
        ]
        self._place = 0
        self._turns = 0
        self._turned = asyncio.Event()
        self.sender = sender
        self._heard = False
        self._hopes_until = monotonic() + _HOPE_SECONDS

    @property
    def heard(self) -> bool:
        """Whether the one in use was heard a moment ago, as the `Watcher` says."""
        return self._heard

    @heard.setter
    def heard(self, heard: bool) -> None:
        if self._heard and not heard and len(self._channels) > 1:
            self._hopes_until = monotonic() + _HOPE_SECONDS
        self._heard = heard

    @property
    def _hopes(self) -> bool:
        """Whether one is heard, or may be in a moment."""
        return self._heard or monotonic() < self._hopes_until

    @property
    def places(self) -> int:
        """How many control planes it knows."""
        return len(self._channels)

    @property
    def channel(self) -> grpc.aio.Channel:
        """The one in use."""
        return self._channels[self._place]

    @property
    def flows(self) -> FlowServiceStub:
        """`FlowService`."""
        return self._stubs[self._place][0]

    @property
    def leases(self) -> LeaseServiceStub:
        """`LeaseService`."""
        return self._stubs[self._place][1]

    @property
    def shares(self) -> ShareServiceStub:
        """`ShareService`."""
        return self._stubs[self._place][2]

    @property
    def deadline_seconds(self) -> float:
        """How long a call may take: not long, where nothing answers anyway, and somebody waits for what is known here."""
        return _DEADLINE_SECONDS if self._hopes else _SHORT_DEADLINE_SECONDS

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` gives, which asks the one in use; where that one is gone, the next, as soon as it is watched. Raises AioRpcError."""
        for _ in self._channels[1:]:
            turns = self._turns
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if not _is_gone(error) or not self._hopes or not await self._is_turned(turns):
                    raise
        return await call()

    def turn(self, place: int | None = None) -> bool:
        """Use the next one from now on, or that one. False where there is no other."""
        if len(self._channels) == 1:
            return False
        self._place = (self._place + 1) % len(self._channels) if place is None else place
        self._turns += 1
        self._turned.set()
        self._turned = asyncio.Event()
        return True

    async def turn_to_a_better(self) -> bool:
        """To one that says that it is well; False where there is none."""
        others = [place for place in range(len(self._channels)) if place != self._place]
        well = await asyncio.gather(*(self._is_well(place) for place in others))
        found = next((place for place, is_well in zip(others, well, strict=True) if is_well), None)
        return found is not None and self.turn(found)

    async def close(self) -> None:
        """Cut what is under way."""
        await asyncio.gather(*(channel.close() for channel in self._channels))

    async def _is_turned(self, turns: int) -> bool:
        if self._turns == turns:
            try:
                async with asyncio.timeout(_TURN_SECONDS):
                    await self._turned.wait()
            except TimeoutError:
                return False
        return True

    async def _is_well(self, place: int) -> bool:
        stub = HealthStub(self._channels[place])
        try:
            answer = await stub.Check(HealthCheckRequest(service=_FLOWS), timeout=_HEALTH_SECONDS)  # type: ignore[attr-defined]
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)


def connect(
    *addresses: str, credentials: grpc.ChannelCredentials | None = None, sender: Callable[[], Sender] = Sender
) -> Link:
    """Within the loop that uses it; connects when it is first used.

    Each address is a gRPC target, such as `dns:///control:8090` or `127.0.0.1:8090`; without `credentials` in plain text.
    """
    if credentials is None:
        return Link([grpc.aio.insecure_channel(address, options=_OPTIONS) for address in addresses], sender)
    return Link([grpc.aio.secure_channel(address, credentials, options=_OPTIONS) for address in addresses], sender)


def _is_gone(error: grpc.aio.AioRpcError) -> bool:
    """Whether it was the connection that failed, and not whoever was asked."""
    if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
        return False
    return all(name != ANSWERED for name, _ in error.trailing_metadata() or ())
