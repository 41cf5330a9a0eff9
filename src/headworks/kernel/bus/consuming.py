"""The consumer's loop, the same for every adapter: batches, acknowledgement after the handler, and what becomes of errors."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from headworks.kernel.bus.errors import Poison
from headworks.kernel.bus.source import SourceLost
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from headworks.kernel.bus.port import Batching, Handler
    from headworks.kernel.bus.source import Delivery, Source

_log = logger(__name__)

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 30.0
"""Seconds."""
_SLOWEST_RETURN: Final = 6
"""To a broker that was away we come back within 0.2 s times two to the fifth: 6.4 s."""


def pause_after(failures: int) -> float:
    """Seconds before the next try: they double, up to a limit, and differ at random so that many do not come back at once."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1)  # noqa: S311 - no secret


class Consumer:
    """Takes from one source until it is cancelled, or the source is lost."""

    def __init__(
        self,
        source: Source,
        handler: Handler,
        batching: Batching,
        *,
        name: str,
        seen: Callable[[Sequence[Delivery]], None],
        pause: Callable[[int], float] = pause_after,
    ) -> None:
        """`seen` hears of every delivery; `name` is for the log."""
        self._source = source
        self._handler = handler
        self._batching = batching
        self._name = name
        self._seen = seen
        self._pause = pause
        self._set_aside: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Raises SourceLost."""
        try:
            while True:
                batch = await self._source.take(self._batching.messages, self._batching.wait_seconds)
                self._seen(batch)
                await self._handle(batch)
        finally:
            for waiting in self._set_aside:
                waiting.cancel()
            await asyncio.gather(*self._set_aside, return_exceptions=True)

    async def _handle(self, batch: Sequence[Delivery]) -> None:
        try:
            await self._call(batch)
        except Poison as poison:
            await self._bury(batch, poison)
        except SourceLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the others
            await self._narrow(batch, error)
        else:
            await self._source.done(batch)

    async def _call(self, batch: Sequence[Delivery]) -> None:
        """Hand it over, until what the handler needs is there. Nothing is given back meanwhile: an outage is no message's fault."""
        messages = [one.message for one in batch]
        failures = 0
        while True:
            try:
                return await self._handler(messages)
            except Unavailable as error:
                failures += 1
                _log.warning(
                    "messages wait", queue=self._name, count=len(messages), detail=error.detail or error.message
                )
                await asyncio.sleep(self._pause(failures))

    async def _bury(self, batch: Sequence[Delivery], poison: Poison) -> None:
        poisoned = [one for one in batch if one.message.id in poison.ids]
        if not poisoned:
            return await self._narrow(batch, poison)
        for one in poisoned:
            _log.error("message is poison", queue=self._name, id=one.message.id, type=one.message.type, why=poison.why)
            await self._source.bury(one)
        rest = [one for one in batch if one.message.id not in poison.ids]
        return await self._handle(rest) if rest else None

    async def _narrow(self, batch: Sequence[Delivery], error: Exception) -> None:
        """Find the message at fault by halves, so that it costs the others no delivery."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._handle(batch[:middle])
            await self._handle(batch[middle:])
            return
        (failed,) = batch
        _log.error(
            "message not handled",
            queue=self._name,
            id=failed.message.id,
            type=failed.message.type,
            delivery=failed.number,
            exc_info=error,
        )
        waiting = asyncio.create_task(self._give_back_later(failed))
        self._set_aside.add(waiting)
        waiting.add_done_callback(self._set_aside.discard)

    async def _give_back_later(self, delivery: Delivery) -> None:
        while True:
            await asyncio.sleep(self._pause(delivery.number))
            # Lost, it comes back by itself.
            with suppress(Unavailable):
                with suppress(SourceLost):
                    await self._source.give_back(delivery)
                return


class Tally:
    """Of one consumed queue in this process."""

    def __init__(self) -> None:
        self.redelivered = 0

    def seen(self, deliveries: Sequence[Delivery]) -> None:
        """Count them."""
        self.redelivered += sum(one.number > 1 for one in deliveries)


async def consume_for_ever(
    opened: Callable[[], AbstractAsyncContextManager[Source]],
    handler: Handler,
    batching: Batching,
    *,
    name: str,
    seen: Callable[[Sequence[Delivery]], None],
    pause: Callable[[int], float] = pause_after,
) -> None:
    """Until cancelled: a source that is lost, or cannot be opened, is opened anew after a pause."""
    failures = 0
    while True:
        try:
            async with opened() as source:
                failures = 0
                await Consumer(source, handler, batching, name=name, seen=seen, pause=pause).run()
        except (SourceLost, Unavailable) as error:
            failures = min(failures + 1, _SLOWEST_RETURN)
            _log.warning("no messages for now, trying again", queue=name, detail=str(error))
            await asyncio.sleep(pause(failures))
