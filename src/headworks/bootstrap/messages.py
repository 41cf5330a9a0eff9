"""Every type of message that Headworks may send, for the description that others read and for a test that each can be described."""

from __future__ import annotations

from typing import Final

from headworks.dataplane.events import UsageEvent
from headworks.kernel.bus import MessageType

TYPES: Final = (
    MessageType(
        "usage.recorded.v1",
        "event",
        "Requests that were served, as the gateway's spool holds them: each with the order of fields of the usage event. "
        "Stored once for each source and event id, so that it may come twice.",
        list[UsageEvent],
    ),
)
