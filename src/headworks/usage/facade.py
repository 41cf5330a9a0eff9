"""Usage's door for other contexts and for the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.usage.ports import UsageStore


@dataclass(frozen=True, slots=True)
class UsageFacade:
    """Usage, as the rest of Headworks sees it."""

    store: UsageStore

    async def rejected_events(self) -> int:
        """How many events were put aside because they could not be stored. Should be zero; look when it is not."""
        async with self.store.read() as reading:
            return await reading.rejected()
