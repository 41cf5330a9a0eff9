"""A view of the store that is kept in memory, as fresh as a cheap question can tell, and through an outage for a time."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from headworks.kernel.clock import monotonic
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Ages:
    """In seconds."""

    check: float = 0.25
    """After this the store is asked whether its revision moved: how late another process's change may be seen."""
    reload: float = 60.0
    """After this the view is read anew, since secrets in files change without a revision."""
    retry: float = 1.0
    """How long a store that failed is left alone."""
    hard: float = 900.0
    """How long the last good view serves while the store does not answer."""


@dataclass(slots=True)
class _Good(Generic[T]):
    value: T
    revision: int
    loaded_at: float
    generation: int
    confirmed_at: float
    """When it was last known to be what the store holds."""


class Kept(Generic[T]):
    """One view. Belongs to one event loop; only `forget` may be called from any thread."""

    def __init__(
        self,
        load: Callable[[], Awaitable[tuple[int, T]]],
        revision: Callable[[], Awaitable[int]],
        ages: Ages,
        failure: Callable[[str], Unavailable],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`load` gives the view and its revision; `failure` makes what is raised of a detail; `clock` counts seconds."""
        self._load = load
        self._revision = revision
        self._ages = ages
        self._failure = failure
        self._clock = clock
        self._lock = asyncio.Lock()
        self._good: _Good[T] | None = None
        self._generations = itertools.count(1)
        self._generation = 0
        self._resting_until = 0.0

    def forget(self) -> None:
        """Something changed: read anew before the next answer."""
        # Never a number that was there before, whoever else forgets at this moment.
        self._generation = next(self._generations)

    async def get(self) -> tuple[T, float]:
        """The view, and for how many seconds it could not be confirmed: 0 in good times.

        Raises what `failure` makes when there is none, or it is older than `Ages.hard`.
        """
        good = self._good
        if good is not None and self._is_fresh(good):
            return good.value, 0.0
        async with self._lock:
            try:
                good = await self._refreshed()
            except Unavailable as error:
                return self._last_good(error)
        return good.value, 0.0

    async def _refreshed(self) -> _Good[T]:
        good = self._good
        at = self._clock()
        if good is not None and self._is_fresh(good):
            return good
        if at < self._resting_until:
            raise self._failure("the store failed a moment ago")
        # Noted before reading: a change that comes meanwhile must lead to another read.
        generation = self._generation
        if good is not None and self._may_stay(good, at) and await self._revision() == good.revision:
            good.confirmed_at = at
            return good
        revision, value = await self._load()
        self._good = _Good(value, revision, at, generation, at)
        return self._good

    def _is_fresh(self, good: _Good[T]) -> bool:
        return good.generation == self._generation and self._clock() - good.confirmed_at < self._ages.check

    def _may_stay(self, good: _Good[T], at: float) -> bool:
        return good.generation == self._generation and at - good.loaded_at < self._ages.reload

    def _last_good(self, error: Unavailable) -> tuple[T, float]:
        at = self._clock()
        if at >= self._resting_until:
            self._resting_until = at + self._ages.retry
            _log.warning("store failed", view=self._failure("").code, detail=error.detail or error.message)
        if self._good is None or (age := at - self._good.confirmed_at) >= self._ages.hard:
            raise self._failure(error.detail or error.message) from error
        return self._good.value, age
