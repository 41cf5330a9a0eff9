"""The port `Windows` on usage's facade: what a limit's window holds already when this gateway begins to count it.

The engine counts windows in memory. After a restart, and for a limit that was just made, it begins with what usage knows.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from headworks.kernel.errors import Unavailable
from headworks.kernel.moments import micros
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from concurrent.futures import Future

    from headworks.kernel.scopes import Scope
    from headworks.limits.contracts import Limit

_log = logger(__name__)

_PARTS: Final = 60
"""Of a window: `engine/src/limit/window.rs` counts in as many."""
_WAIT_SECONDS: Final = 1.0
"""How long a request waits for what the spool held at the start to be stored. Without it a window begins too empty."""
_MANY: Final = 10_000

Counted: TypeAlias = Literal["requests", "tokens", "spend"]


class UsedInWindow(Protocol):
    """`UsageFacade.used_in_window`."""

    async def __call__(
        self, organization_id: str, scope: Scope, scope_id: str, unit: Counted, since_us: int
    ) -> tuple[tuple[int, int], ...]:
        """(second since 1970, amount). Raises Unavailable."""


class RememberedWindows:
    """Asks once for each limit; the engine has counted all that came after. Belongs to one event loop."""

    def __init__(self, used_in_window: UsedInWindow, recovered: Future[None]) -> None:
        """`recovered` is done when all that the spool held at the start is stored; another thread may say so."""
        self._used_in_window = used_in_window
        self._recovered = recovered
        self._known: dict[str, tuple[datetime, tuple[tuple[int, int], ...]]] = {}

    async def used(self, limit: Limit, at: datetime) -> tuple[tuple[int, int], ...]:
        """See the port. Nothing while usage cannot be asked: who is served then is not refused for what nobody knows."""
        if limit.unit == "concurrent":
            return ()
        known = self._known.get(limit.id)
        if known is not None and at < known[0]:
            return known[1]
        if known is not None:
            # Longer ago than the window: the engine has counted all that is in it.
            return ()
        try:
            found = await self._ask(limit, limit.unit, at)
        except (Unavailable, TimeoutError) as error:
            _log.warning("a limit's window begins empty", limit_id=limit.id, detail=str(error))
            return ()
        if len(self._known) >= _MANY:
            self._known = {limit_id: kept for limit_id, kept in self._known.items() if at < kept[0]}
        self._known[limit.id] = (at + timedelta(seconds=limit.window_seconds), found)
        return found

    async def _ask(self, limit: Limit, unit: Counted, at: datetime) -> tuple[tuple[int, int], ...]:
        async with asyncio.timeout(_WAIT_SECONDS):
            await asyncio.shield(asyncio.wrap_future(self._recovered))
        since = at - timedelta(seconds=limit.window_seconds)
        by_minute = await self._used_in_window(
            limit.organization_id,
            limit.scope,
            limit.scope_id,
            unit,
            micros(since),
        )
        part_s = max(limit.window_seconds // _PARTS, 1)
        sums: dict[int, tuple[int, int]] = {}
        for second, amount in by_minute:
            last, before = sums.get(second // part_s, (0, 0))
            sums[second // part_s] = max(last, second), before + amount
        return tuple(sums.values())
