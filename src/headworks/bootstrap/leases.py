"""A gateway that begins anew: what it held in former lives comes back when what it had spooled is settled.

What it had borrowed and not drawn when it died would otherwise stay lent until its term ends. Nobody waits for that, since a new life
borrows under a name of its own; but nobody is refused either who lacks what may come back.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from headworks.dataplane.flow import Spent
from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion
    from headworks.gateway.ports import LeaseOffice

_PAUSE_SECONDS: Final = 1.0
"""Between tries, and up to as much again."""


class LeasesAcrossLives:
    """The port `LeaseOffice` in front of another. Belongs to one event loop."""

    def __init__(
        self, office: LeaseOffice, release: Callable[[str], Awaitable[object]], recovered: Future[None]
    ) -> None:
        """`recovered` is done when all that the spool held at the start is handed over; another thread may say so.

        `release` takes back what the gateway of that life held in others, once what was handed over is settled.
        """
        self._office = office
        self._release = release
        self._recovered = recovered
        self._releasing: dict[str, asyncio.Task[None]] = {}

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """See the port. Raises Unavailable."""
        releasing = self._releasing.get(wanted.life)
        if releasing is None:
            releasing = self._releasing[wanted.life] = asyncio.create_task(self._release_others(wanted.life))
        may_come_back = not releasing.done()
        answer = await self._office.grant(wanted)
        if isinstance(answer, Spent) and may_come_back:
            await asyncio.shield(releasing)
            answer = await self._office.grant(wanted)
        return answer

    async def take_back(self, returned: ReturnQuestion) -> None:
        """See the port. Raises Unavailable."""
        await self._office.take_back(returned)

    async def _release_others(self, life: str) -> None:
        await asyncio.shield(asyncio.wrap_future(self._recovered))
        while True:
            try:
                await self._release(life)
            except Unavailable:
                await asyncio.sleep(random.uniform(_PAUSE_SECONDS, 2 * _PAUSE_SECONDS))  # noqa: S311 - no secret
            else:
                return
