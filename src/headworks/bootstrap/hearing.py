"""Hears what other processes changed, and publishes it here: what each context announced in its database since the last look.

It reads where the controller reads, in its loop: there no long report keeps it waiting. What this process told itself is passed over,
unless its commit was never confirmed: then nobody has published it yet. A row that is read before whoever wrote it here knew of its commit
is published twice: events say what to forget, and to forget it once more does no harm.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from headworks.kernel.clock import monotonic
from headworks.kernel.database import EVERYTHING
from headworks.kernel.errors import Unavailable
from headworks.kernel.events import MayHaveMissed
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from headworks.kernel.database import Announcements, Database
    from headworks.kernel.database.announcements import Place
    from headworks.kernel.events import EventBus
    from headworks.kernel.telemetry.metrics import Metrics

T = TypeVar("T")

_log = logger(__name__)

PAUSE_SECONDS: Final = 0.2
"""How late a change of another process is heard at most, while the databases answer."""
_PATIENCE_SECONDS: Final = 1.0
DEAF_SECONDS: Final = 2.0
"""Who could not read for so long should not be relied on to tell of changes."""


class _Ear:
    """One context."""

    def __init__(self, name: str, database: Database, announcements: Announcements, bus: EventBus) -> None:
        self.name = name
        self.heard = 0
        self._database = database
        self._announcements = announcements
        self._bus = bus
        self._place: Place | None = None
        self._failing_since: float | None = None

    @property
    def deaf(self) -> bool:
        """Whether it has not been able to read for a while."""
        return self._failing_since is not None and monotonic() - self._failing_since >= DEAF_SECONDS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.listen()
            await asyncio.sleep(PAUSE_SECONDS)

    async def begin(self) -> None:
        """From here on. Where that cannot be read, all is read anew once it can be."""
        try:
            await _timely(self._begin())
        except Unavailable as error:
            self._failed(error.detail or error.message)

    async def listen(self) -> None:
        """Publish what is new."""
        try:
            if self._place is None:
                await _timely(self._begin())
                self._bus.publish(MayHaveMissed())
            else:
                while await _timely(self._take(self._place)):
                    pass
        except Unavailable as error:
            self._failed(error.detail or error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody else hears of changes
            self._failed(repr(error))
        else:
            self._succeeded()

    async def _begin(self) -> None:
        async with self._database.read(EVERYTHING) as connection:
            self._place = await self._announcements.place(connection)

    async def _take(self, place: Place) -> bool:
        """Whether there may be more."""
        async with self._database.read(EVERYTHING) as connection:
            self._place, told = await self._announcements.after(connection, place)
        for one in told:
            if not self._bus.was_told(one.row):
                self.heard += 1
                self._bus.publish(one.event)
        return bool(told)

    def _failed(self, why: str) -> None:
        if self._failing_since is None:
            self._failing_since = monotonic()
            _log.warning("changes of other processes not heard, trying again", context=self.name, detail=why)

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            self._failing_since = None
            _log.info("changes of other processes are heard again", context=self.name)


class Hearing:
    """All contexts of an installation. Belongs to one event loop."""

    def __init__(self, sources: Mapping[str, tuple[Database, Announcements]], bus: EventBus) -> None:
        """By the context's name."""
        self._ears = [_Ear(name, *source, bus) for name, source in sources.items()]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Until the block ends; what is committed from its beginning on is heard."""
        await asyncio.gather(*(ear.begin() for ear in self._ears))
        running = [asyncio.create_task(ear.run(), name=f"hearing of {ear.name}") for ear in self._ears]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    @property
    def deaf(self) -> bool:
        """Whether changes of some context have not been heard for a while."""
        return any(ear.deaf for ear in self._ears)

    @property
    def heard(self) -> int:
        """How many changes of other processes were heard."""
        return sum(ear.heard for ear in self._ears)

    async def probe(self) -> None:
        """Raises Unavailable when it is deaf."""
        names = [ear.name for ear in self._ears if ear.deaf]
        if names:
            raise Unavailable(
                "Changes that other processes make are not heard; gateways that know another control plane ask there.",
                detail=f"what is announced by {', '.join(names)} cannot be read",
            )


class HearingMetrics:
    """How well it hears, as `/metrics` shows it."""

    def __init__(self, metrics: Metrics, hearing: Hearing) -> None:
        metrics.show("headworks_changes_heard", "Changes of other processes that were heard.", lambda: hearing.heard)
        metrics.show(
            "headworks_changes_deaf", "Whether changes of other processes are not heard: 1 or 0.", lambda: hearing.deaf
        )


async def _timely(reading: Awaitable[T]) -> T:
    """Raises Unavailable."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await reading
    except TimeoutError:
        raise Unavailable("The database does not answer.", detail=f"not within {_PATIENCE_SECONDS:g} s") from None
