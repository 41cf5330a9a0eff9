"""What gateways say of themselves with whatever they ask, for the roster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from headworks.gateway.domain.roster import Said

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
        roster.heard(request.sender.gateway, address_of(context), said_by(request.sender))


def said_by(sender: Sender) -> Said:
    """What a gateway says of itself."""
    return Said(
        version=sender.version,
        waiting_records=sender.waiting_records if sender.HasField("waiting_records") else None,
        open_requests=sender.open_requests if sender.HasField("open_requests") else None,
        draining=sender.draining,
    )


def address_of(context: Context) -> str:
    """`10.0.0.7:51234` of gRPC's `ipv4:10.0.0.7:51234`."""
    peer = unquote(context.peer())
    return peer.removeprefix("ipv4:").removeprefix("ipv6:")
