"""Where usage ends up: events are stored, and identity hears, from time to time, when keys were used last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.clock import monotonic
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger
from headworks.usage.tasks import ingest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from headworks.kernel.database import Database
    from headworks.usage.ports import Prices, UsageStore

_log = logger(__name__)

_USES_SECONDS = 60.0
"""How often the last uses of keys are written: they are told to the minute."""


class Intake:
    """Takes events in batches, each at least once. Belongs to one event loop."""

    def __init__(
        self,
        store: UsageStore,
        prices: Prices,
        record_uses: Callable[[Mapping[str, datetime]], Awaitable[None]],
        databases: Sequence[Database] = (),
    ) -> None:
        """`record_uses` is told when keys were used last; `databases` are closed with this."""
        self._store = store
        self._prices = prices
        self._record_uses = record_uses
        self._databases = databases
        self._uses: dict[str, datetime] = {}
        self._uses_written = monotonic()

    async def take(self, events: Sequence[Sequence[object]], before_commit: Callable[[], None]) -> None:
        """When it returns, all is on disk. Raises Unavailable: give the same events again later."""
        done = await ingest(self._store, self._prices, events, before_commit=before_commit)
        for key_id, at in done.last_uses.items():
            self._uses[key_id] = max(at, self._uses.get(key_id, at))

    async def between(self) -> None:
        """What need not be done with each batch."""
        if monotonic() - self._uses_written >= _USES_SECONDS:
            await self.finish()

    async def finish(self) -> None:
        """What would otherwise be done later."""
        uses, self._uses = self._uses, {}
        self._uses_written = monotonic()
        if not uses:
            return
        try:
            await self._record_uses(uses)
        except Unavailable as error:
            # Only a remark beside each key is late; newer uses are newer news.
            self._uses = {**uses, **self._uses}
            _log.warning("last uses not written", detail=error.detail or error.message)

    async def close(self) -> None:
        """Close the databases."""
        for database in self._databases:
            await database.close()
