"""The connection to the control plane. gRPC makes it anew for ever, with growing pauses and jitter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import grpc

from headworks.dataplane.wire.control_pb2 import Sender
from headworks.dataplane.wire.control_pb2_grpc import FlowServiceStub, LeaseServiceStub

if TYPE_CHECKING:
    from collections.abc import Callable

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
    # Several control planes behind one name are asked in turn.
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.enable_retries", 0),
)
_DEADLINE_SECONDS: Final = 2.0
_SHORT_DEADLINE_SECONDS: Final = 0.25


@dataclass(slots=True)
class Link:
    """A channel, who speaks over it, and whether anything was heard over it lately. Belongs to one event loop."""

    channel: grpc.aio.Channel
    sender: Callable[[], Sender] = Sender
    """What this gateway says of itself with everything that it asks."""
    heard: bool = field(default=False)
    """Set and unset by the `Watcher`."""

    @property
    def flows(self) -> FlowServiceStub:
        """`FlowService`."""
        return FlowServiceStub(self.channel)

    @property
    def leases(self) -> LeaseServiceStub:
        """`LeaseService`."""
        return LeaseServiceStub(self.channel)

    @property
    def deadline_seconds(self) -> float:
        """How long a call may take: not long, where nothing answers anyway, and somebody waits for what is known here."""
        return _DEADLINE_SECONDS if self.heard else _SHORT_DEADLINE_SECONDS

    async def close(self) -> None:
        """Cut what is under way."""
        await self.channel.close()


def connect(
    address: str, credentials: grpc.ChannelCredentials | None = None, sender: Callable[[], Sender] = Sender
) -> Link:
    """Within the loop that uses it; connects when it is first used.

    `address` is a gRPC target, such as `dns:///control:8090` or `127.0.0.1:8090`; without `credentials` in plain text.
    """
    if credentials is None:
        return Link(grpc.aio.insecure_channel(address, options=_OPTIONS), sender)
    return Link(grpc.aio.secure_channel(address, credentials, options=_OPTIONS), sender)
