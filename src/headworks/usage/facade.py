"""Usage's door for other contexts and for the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headworks.usage.domain.rollups import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.usage.ports import UsageStore


@dataclass(frozen=True, slots=True)
class UsageFacade:
    """Usage, as the rest of Headworks sees it."""

    store: UsageStore

    async def rejected_events(self) -> int:
        """How many events were put aside because they could not be stored. Should be zero; look when it is not."""
        async with self.store.read(None) as reading:
            return await reading.rejected()

    async def settled(self, source: str, event_ids: Sequence[str]) -> bool:
        """Whether all of these requests of a gateway are recorded, and with that settled. Raises Unavailable."""
        async with self.store.read(None) as reading:
            return await reading.stored(source, event_ids) == len(set(event_ids))

    async def used_in_window(
        self,
        organization_id: str,
        scope: Literal["organization", "project", "key", "user", "model"],
        scope_id: str,
        unit: Literal["requests", "tokens", "spend"],
        since_us: int,
    ) -> tuple[tuple[int, int], ...]:
        """What was used since then, by minute: its last second since 1970, and how much; of `spend` the charge in nanodollars.

        The minute that holds `since_us` counts whole, and each as if all of it had been used at its end, so that a window
        which begins with this lets nobody in too early. One query, along the newest roll-ups. Raises Unavailable.
        """
        async with self.store.read(organization_id) as reading:
            found = await reading.window(organization_id, scope, scope_id, unit, since_us // 1_000_000)
        return tuple((start_s + SECONDS["minute"] - 1, amount) for start_s, amount in found if amount > 0)
