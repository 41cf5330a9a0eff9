"""Asks Redis, and finds out when it is away or has lost what it knew.

Two kinds of keys, all of this adapter: `{hw:share:<limit>}:<unit>:<window>`, which a script changes in one step and which ends with the
limit's window; and `{hw:share}:generation`, which says that the rest is still there.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import NoScriptError, RedisError

from headworks.dataplane.shares import Share
from headworks.gateway.domain.shares import GRACE_MS, HEARD_MS, YOUNG_MS, Decision, whole
from headworks.kernel.clock import monotonic
from headworks.kernel.errors import Unavailable
from headworks.kernel.ids import new_id
from headworks.kernel.redis.client import FAILURES, connect, ended
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from redis.asyncio.client import PubSub

    from headworks.dataplane.shares import ShareAsk
    from headworks.kernel.redis import Address

_log = logger(__name__)

_SCRIPT: Final = files(__package__).joinpath("take.lua").read_text()
_GENERATION: Final = "{hw:share}:generation"
_GENERATION_SECONDS: Final = 2 * 86_400
"""Longer than any window; renewed as long as there is a control plane."""
_RECALLS: Final = "{hw:share}:recalls"
"""The channel by which control planes hear that gateways are to give something back."""
_SECONDS: Final = 0.5
"""For anything that is asked of Redis: somebody waits, and can go on without."""
_LOOK_SECONDS: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class RedisShareOffice:
    """Belongs to one event loop, but for `trouble`."""

    def __init__(self, address: Address, tell: Callable[[str], None], *, seconds: float = _SECONDS) -> None:
        """`tell` has the gateways that watch this process give back what they have to spare of a limit; "" is every limit."""
        self._address = address
        self._tell = tell
        self._seconds = seconds
        self._redis = connect(address, seconds=seconds, purpose="shares")
        self._name = new_id("ofc")
        self._digest = ""
        self._generation = ""
        self._old_at = 0.0
        self.trouble = ""
        """What is wrong with Redis; empty while it answers."""

    async def take(self, life: str, asks: Sequence[ShareAsk]) -> list[Decision]:
        """See the port. While Redis does not answer, nobody waits for it."""
        if self.trouble:
            raise self._away()
        try:
            async with asyncio.timeout(2 * self._seconds):
                replies = await self._run_script(life, asks)
        except FAILURES as error:
            self._lost(error)
            raise self._away() from error
        return [_decision(reply) for reply in replies]

    async def recall(self, limit_id: str) -> None:
        """See the port."""
        self._tell(limit_id)
        try:
            await self._redis.publish(_RECALLS, f"{self._name} {limit_id}")
        except FAILURES as error:
            self._lost(error)
            raise self._away() from error

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RedisShareOffice]:
        """Looks after Redis, and listens to other control planes, until the block ends."""
        tasks = [
            asyncio.create_task(self._look_after(), name="shares"),
            asyncio.create_task(self._listen(), name="recalls"),
        ]
        try:
            yield self
        finally:
            await ended(tasks)
            await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    # --- One step ---

    async def _run_script(self, life: str, asks: Sequence[ShareAsk]) -> list[list[Any]]:
        replies = await self._pipe(life, asks)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            self._digest = await self._redis.script_load(_SCRIPT)
            again = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            for at, reply in zip(again, await self._pipe(life, [asks[at] for at in again]), strict=True):
                replies[at] = reply
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies

    async def _pipe(self, life: str, asks: Sequence[ShareAsk]) -> list[Any]:
        if not self._digest:
            self._digest = await self._redis.script_load(_SCRIPT)
        is_young = monotonic() < self._old_at
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(_GENERATION)
            for ask in asks:
                pipe.evalsha(self._digest, 1, _key(ask), *_arguments(life, ask, is_young=is_young))
            generation, *replies = await pipe.execute(raise_on_error=False)
        if isinstance(generation, RedisError):
            raise generation
        if generation != self._generation:
            await self._note(generation)
        return replies

    # --- Whether it is there, and still knows ---

    async def _look_after(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._look()
            pause = min(pause * 2, _LONGEST_PAUSE) if self.trouble else _FIRST_PAUSE
            await asyncio.sleep(_spread(pause) if self.trouble else _LOOK_SECONDS)

    async def _look(self) -> None:
        was_away = bool(self.trouble)
        try:
            async with asyncio.timeout(2 * self._seconds):
                generation = await self._redis.get(_GENERATION)
                if generation != self._generation:
                    await self._note(generation)
                await self._redis.expire(_GENERATION, _GENERATION_SECONDS)
        except FAILURES as error:
            self._lost(error)
            return
        self.trouble = ""
        if was_away:
            _log.info("Redis answers again: limits are counted together", redis=str(self._address))
            # What it knows may be of before; a copy that took over knows less.
            self._begin_anew()

    async def _note(self, generation: str | None) -> None:
        """Another than before, or none."""
        is_first = not self._generation
        if generation is None:
            await self._redis.set(_GENERATION, new_id("gen"), nx=True, ex=_GENERATION_SECONDS)
            found = await self._redis.get(_GENERATION)
            generation, is_first = str(found), False
        self._generation = generation
        if not is_first:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._old_at = monotonic() + YOUNG_MS / 1000
        self._tell("")

    def _lost(self, error: BaseException) -> None:
        detail = f"{type(error).__name__}: {error}".removesuffix(": ")
        if not self.trouble:
            _log.warning("Redis does not answer: gateways count limits by themselves", detail=detail)
        self.trouble = detail

    def _away(self) -> Unavailable:
        return Unavailable(
            "Redis does not answer, so gateways count limits by themselves.", detail=f"{self._address}: {self.trouble}"
        )

    # --- What other control planes tell ---

    async def _listen(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            redis = connect(self._address, seconds=self._seconds, purpose="recalls")
            try:
                async with redis.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(_RECALLS)
                    pause = _FIRST_PAUSE
                    while True:
                        await self._hear(heard)
            except FAILURES:
                await asyncio.sleep(_spread(pause))
                pause = min(pause * 2, _LONGEST_PAUSE)
            finally:
                await redis.aclose()

    async def _hear(self, heard: PubSub) -> None:
        message = await heard.get_message(timeout=_LOOK_SECONDS)
        if message is not None:
            sender, _, limit_id = str(message["data"]).partition(" ")
            if sender != self._name:
                self._tell(limit_id)


def _key(ask: ShareAsk) -> str:
    # In braces what a cluster places it by.
    return f"{{hw:share:{ask.limit_id}}}:{ask.unit}:{ask.window_s}"


def _arguments(life: str, ask: ShareAsk, *, is_young: bool) -> list[str | int]:
    passing = ",".join(f"{in_ms}:{amount}" for in_ms, amount in ask.passing)
    return [
        life,
        *(ask.amount, ask.number, ask.cap, ask.used, ask.need, ask.want, passing),
        *(whole(ask.window_s), GRACE_MS, HEARD_MS, int(is_young), ask.unit),
    ]


def _decision(reply: list[Any]) -> Decision:
    cap, used, enough, free_in_ms = (int(one) for one in reply[:-1])
    share = Share(cap, used, bool(enough), None if free_in_ms < 0 else free_in_ms)
    return Decision(share, None, frozenset(reply[-1]))


def _spread(pause: float) -> float:
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads control planes, hides nothing
