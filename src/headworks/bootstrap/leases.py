"""A gateway that begins anew borrows nothing until what it had spooled before is settled, and its old holds are released.

Its holds bear the name of its spool, in this life as in the last. What it held and did not draw before it died would otherwise
stay its own for as long as it asks for more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion, Spent
    from headworks.gateway.ports import LeaseOffice


class LeasesAfterRecovery:
    """The port `LeaseOffice` in front of another. Belongs to one event loop."""

    def __init__(
        self, office: LeaseOffice, release: Callable[[str], Awaitable[object]], recovered: Future[None]
    ) -> None:
        """`recovered` is done when all that the spool held at the start is handed over; another thread may say so.

        `release` takes back what a spool's gateway held, once what was handed over is settled.
        """
        self._office = office
        self._release = release
        self._recovered = recovered
        self._released: set[str] = set()
        self._releasing = asyncio.Lock()

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """See the port; the first one waits. Raises Unavailable."""
        if wanted.source not in self._released:
            await asyncio.shield(asyncio.wrap_future(self._recovered))
            async with self._releasing:
                if wanted.source not in self._released:
                    await self._release(wanted.source)
                    self._released.add(wanted.source)
        return await self._office.grant(wanted)

    async def take_back(self, returned: ReturnQuestion) -> None:
        """See the port. Raises Unavailable."""
        await self._office.take_back(returned)
