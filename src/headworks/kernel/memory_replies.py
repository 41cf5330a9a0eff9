"""The port `Replies` in memory: the twin of `kernel.database.replies`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.idempotency import KEPT_FOR, MOST_KEPT, Kept, due

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.kernel.clock import Clock
    from headworks.kernel.idempotency import Asked


class MemoryReplies:
    """Answers by caller and key, the oldest first."""

    def __init__(self, clock: Clock, most: int = MOST_KEPT) -> None:
        """`most` answers are kept for one caller."""
        self._clock = clock
        self._most = most
        self._kept: dict[tuple[str, str], tuple[datetime, Kept]] = {}

    async def recall(self, asked: Asked) -> Kept | None:
        """See `Replies`."""
        at, kept = self._kept.get((asked.caller, asked.key), (None, None))
        return kept if at is not None and at > self._clock() - KEPT_FOR else None

    def keep(self) -> None:
        """Call it where a transaction ends well."""
        what = due()
        if what is None or what.asked is None or what.reply is None:
            return
        own = [place for place in self._kept if place[0] == what.asked.caller]
        for place in own[: max(0, len(own) - self._most + 1)]:
            del self._kept[place]
        self._kept[what.asked.caller, what.asked.key] = (self._clock(), Kept(what.asked.fingerprint, what.reply))
        what.kept = True
