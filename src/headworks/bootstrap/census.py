"""Notes in the database which gateways ask this control plane, for all of them to show. Hears which are to drain, and who else is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headworks.kernel.clock import monotonic, now
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.ports import Register
    from headworks.gateway.rpc import Changes

_log = logger(__name__)

PAUSE_SECONDS: Final = 0.5
_NOTE_SECONDS: Final = 3.0
"""How old at most is what others see of gateways that come and go nowhere."""
_LEAVING_SECONDS: Final = 1.0


class Census:
    """Belongs to the loop that serves gateways."""

    def __init__(
        self, register: Register, roster: Roster, changes: Changes, others: Callable[[frozenset[str]], None]
    ) -> None:
        """`others` is told of the other control planes that gateways watch, every few seconds."""
        self._register = register
        self._roster = roster
        self._changes = changes
        self._others = others
        self._looked_at = -_NOTE_SECONDS
        self._noted: frozenset[tuple[str, bool, bool]] = frozenset()
        self._noted_at = 0.0
        self._fails = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
                self._fails = False
            except Unavailable as error:
                self._failed(error.detail or error.message)
            except Exception as error:  # noqa: BLE001 - gateways are served all the same
                self._failed(repr(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> None:
        """Raises DatabaseUnavailable."""
        if self._roster.order(await self._register.to_drain()):
            # Who watches hears of it with the next beat.
            self._changes.wake()
        known = self._roster.gateways()
        here = frozenset((one.id, bool(one.watches), one.said.draining) for one in known)
        if here != self._noted or (here and monotonic() - self._noted_at >= _NOTE_SECONDS):
            await self._register.note(self._changes.instance, known, self._roster.newest, now())
            self._noted, self._noted_at = here, monotonic()
        if monotonic() - self._looked_at >= _NOTE_SECONDS:
            found = await self._register.gateways(now())
            watched = frozenset(one.control for one in found if one.gateway.away_since is None)
            self._others(watched - {self._changes.instance})
            self._looked_at = monotonic()

    async def leave(self) -> None:
        """A last time: they all ask elsewhere now."""
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self.once()
        except (Unavailable, TimeoutError):
            # Who is noted by nobody is seen to be away a moment later.
            return

    def _failed(self, why: str) -> None:
        if not self._fails:
            self._fails = True
            _log.warning("gateways not noted, trying again", detail=why)
