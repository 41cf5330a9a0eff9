"""Asking back what others hold and may not use: seldom, and with an end to the wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakValueDictionary

from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

PATIENCE_SECONDS: Final = 0.5
"""How long somebody waits for what others give back: they hear of it within a fifth of a second."""
AGAIN_SECONDS: Final = 1.0
"""How often one thing is asked back, at most: what did not come then is in use."""
_LOOK_SECONDS: Final = 0.1
"""What is given back through another process is found by looking."""


class Recall:
    """Of any number of things, by name. Belongs to one event loop."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._asked: dict[str, float] = {}
        """When, of what was asked back lately."""
        self._came_back: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """As long as somebody waits."""

    def may_ask(self, what: str) -> bool:
        """Whether it was not asked back lately; from now on it was."""
        at = monotonic()
        self._asked = {one: then for one, then in self._asked.items() if at - then < AGAIN_SECONDS}
        if what in self._asked:
            return False
        self._asked[what] = at
        return True

    def came_back(self, what: str) -> None:
        """Some of it did: whoever waits for it looks at once."""
        if event := self._came_back.pop(what, None):
            event.set()

    async def until(
        self,
        what: str,
        is_over: Callable[[T], bool],
        ask: Callable[[], Awaitable[object]],
        look: Callable[[], Awaitable[T]],
    ) -> T:
        """Ask it back, and look whenever some came, until it is over or patience is; what was seen last."""
        give_up = monotonic() + self._patience_seconds
        event = self._event(what)
        await ask()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await event.wait()
            # Before it is looked: what comes meanwhile is seen.
            event = self._event(what)
            found = await look()
            if is_over(found) or monotonic() >= give_up:
                return found

    def _event(self, what: str) -> asyncio.Event:
        return self._came_back.setdefault(what, asyncio.Event())
