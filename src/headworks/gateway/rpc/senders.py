"""What gateways say of themselves with whatever they ask, for the roster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

if TYPE_CHECKING:
    from headworks.dataplane.wire.control_pb2 import Sender
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.rpc.failures import Context


class _Signed(Protocol):
    """A question that says who asks, where the gateway is not older than that."""

    @property
    def sender(self) -> Sender:
        """Who asks."""


def note_sender(roster: Roster, request: _Signed, context: Context) -> None:
    """Nothing of a gateway that does not tell."""
    if request.sender.gateway:
        waiting = request.sender.waiting_records if request.sender.HasField("waiting_records") else None
        roster.heard(request.sender.gateway, address_of(context), request.sender.version, waiting)


def address_of(context: Context) -> str:
    """`10.0.0.7:51234` of gRPC's `ipv4:10.0.0.7:51234`."""
    peer = unquote(context.peer())
    return peer.removeprefix("ipv4:").removeprefix("ipv6:")
