"""The port `ShareOffice` in the memory of one control plane: for an installation that has one, and the twin of Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.gateway.domain.shares import YOUNG_MS, Decision, decide, is_over, whole
from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headworks.dataplane.shares import ShareAsk
    from headworks.gateway.domain.shares import Held

    Key = tuple[str, str, int]

_SWEEP_AFTER: Final = 1_000
_MS: Final = 1000


def monotonic_ms() -> int:
    """Milliseconds from an unknown start."""
    return int(monotonic() * _MS)


class MemoryShareOffice:
    """Belongs to one event loop. What it knew is gone with it: gateways tell it anew."""

    def __init__(self, tell: Callable[[str], None], clock_ms: Callable[[], int] = monotonic_ms) -> None:
        """`tell` has gateways give back what they have to spare of a limit."""
        self._tell = tell
        self._clock_ms = clock_ms
        self._old_at_ms = clock_ms() + YOUNG_MS
        self._books: dict[Key, dict[str, Held]] = {}
        self._sweep_at = _SWEEP_AFTER

    async def take(self, life: str, asks: Sequence[ShareAsk]) -> list[Decision]:
        """See the port."""
        now_ms = self._clock_ms()
        self._sweep(now_ms)
        return [self._take(life, ask, now_ms) for ask in asks]

    async def recall(self, limit_id: str) -> None:
        """See the port."""
        self._tell(limit_id)

    def _take(self, life: str, ask: ShareAsk, now_ms: int) -> Decision:
        key = ask.limit_id, ask.unit, ask.window_s
        book = self._books.pop(key, {})
        is_young = not book or now_ms < self._old_at_ms
        _forget(book, now_ms, ask.window_s)
        before = book.pop(life, None)
        decision = decide(ask, before, book, now_ms, is_young=is_young)
        if decision.held is not None:
            book[life] = decision.held
        if book:
            self._books[key] = book
        return decision

    def _sweep(self, now_ms: int) -> None:
        """What gateways left behind that speak no more goes."""
        if len(self._books) < self._sweep_at:
            return
        for (_, _, window_s), book in self._books.items():
            _forget(book, now_ms, window_s)
        self._books = {key: book for key, book in self._books.items() if book}
        self._sweep_at = len(self._books) + _SWEEP_AFTER


def _forget(book: dict[str, Held], now_ms: int, window_s: int) -> None:
    for life in [life for life, held in book.items() if is_over(held, now_ms, whole(window_s))]:
        del book[life]
