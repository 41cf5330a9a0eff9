"""Every type of message that Headworks sends, and who hears it: what processes declare, and what the description is made of."""

from __future__ import annotations

from typing import Final

from headworks.dataplane.events import UsageEvent
from headworks.kernel.bus import Group, MessageType, Topology

USAGE_RECORDED: Final = MessageType(
    "usage.recorded.v1",
    "event",
    "Requests that were served, as the gateway's spool holds them: a list of usage events, each a list of values in the order of "
    "its fields. Stored once for each source and event id, so that it may come twice.",
    list[UsageEvent],
)
TYPES: Final = (USAGE_RECORDED,)

USAGE: Final = Group("usage", (USAGE_RECORDED.name,))
"""Whoever stores usage; any number of processes."""
TOPOLOGY: Final = Topology(groups=(USAGE,))
