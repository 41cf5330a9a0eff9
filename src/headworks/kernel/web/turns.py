"""How many requests are worked on at a time. Without a limit each of fifty gets a fiftieth of the interpreter, and none is done.

It is worst for those that write: there is one writer, and who has it keeps all others waiting while it waits for its share. With a
limit requests are answered in the order in which they came, whether they read or write.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

from headworks.kernel.patience import waiting

if TYPE_CHECKING:
    from types import TracebackType

MOST: Final = 4
"""One of them runs Python at any moment; the others wait for the database or the disk."""
LONGEST_SECONDS: Final = 0.5
"""Who takes longer waits for something that nobody told us of, and is not to keep others out."""


class Turns:
    """Lets requests in, so many at a time, in the order in which they came."""

    def __init__(self, most: int = MOST, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._places = asyncio.Semaphore(most)
        self._longest_seconds = longest_seconds

    def turn(self) -> Turn:
        """A request's turn, which ends with the block that it is entered for."""
        return Turn(self._places, self._longest_seconds)


class Turn:
    """Taken once, when the request is there as a whole: who sends slowly keeps nobody out."""

    def __init__(self, places: asyncio.Semaphore, longest_seconds: float) -> None:
        self._places = places
        self._longest_seconds = longest_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._was_taken = False

    async def take(self) -> None:
        """Wait for it. Once it was taken, or is over, this does nothing."""
        if self._was_taken:
            return
        self._was_taken = True
        await self._places.acquire()
        self._timer = asyncio.get_running_loop().call_later(self._longest_seconds, self.leave)

    def leave(self) -> None:
        """Let the next one in."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._places.release()

    def __enter__(self) -> Self:
        """Whatever the request waits for long, from here on, ends its turn."""
        self._waiting = waiting(self.leave)
        self._waiting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Its end."""
        self._was_taken = True
        self._waiting.__exit__(kind, error, trace)
        self.leave()
