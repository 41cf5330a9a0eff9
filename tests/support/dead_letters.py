"""Messages that nobody could handle, made as they come about: somebody gets them, and refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.bus import Message, Poison
from tests.support.buses import NOON, consuming, ids, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.kernel.bus import Bus

LETTER: Final = Message("spl_1/req_1/req_9", "usage.recorded.v1", b'{"no": "list"}', NOON, subject="spl_1")
"""Of the queue `usage`."""


async def refused(bus: Bus, name: str, *messages: Message) -> None:
    """Publish them, and wait until all are dead."""

    async def are_dead() -> bool:
        return {one.id for one in messages} <= {letter.message.id for letter in await bus.dead(name, 1000)}

    await bus.publish(messages)
    async with consuming(bus, name, refuses):
        await until(are_dead, "dead letters")


async def refuses(batch: Sequence[Message]) -> None:
    """A handler that can make nothing of anything."""
    raise Poison(ids(batch), "no list of usage events")
