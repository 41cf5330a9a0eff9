"""Asking back what others hold and may not use: seldom, and with an end to the wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

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

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        """When, of what was asked back lately."""
        self._came_back = asyncio.Event()

    def may_ask(self, what: str) -> bool:
        """Whether it was not asked back lately; from now on it was."""
        at = monotonic()
        self._asked = {one: then for one, then in self._asked.items() if at - then < AGAIN_SECONDS}
        if what in self._asked:
            return False
        self._asked[what] = at
        return True

    def came_back(self) -> None:
        """Something did: whoever waits for anything looks at once."""
        self._came_back.set()

    async def until(self, attempt: Callable[[], Awaitable[T]], is_over: Callable[[T], bool]) -> T:
        """Attempt it when something came back, until it is over or patience is; what the last attempt gave."""
        give_up = monotonic() + PATIENCE_SECONDS
        while True:
            self._came_back.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._came_back.wait()
            found = await attempt()
            if is_over(found) or monotonic() >= give_up:
                return found
