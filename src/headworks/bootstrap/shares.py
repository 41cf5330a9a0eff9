"""The office of shares of a control plane: which one there is, by the settings, and who is told when shares are wanted back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from headworks.gateway.adapters.memory_shares import MemoryShareOffice
from headworks.gateway.commands import Sharing
from headworks.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from headworks.dataplane.shares import Shares, SharesQuestion
    from headworks.gateway.adapters.redis_shares import RedisShareOffice
    from headworks.kernel.secrets import Secret


class BadOffice(ValueError):
    """The address cannot be used. The text says why, and holds nothing of it."""


class Office:
    """The port `AsksShares`. Belongs to the controller's loop once it is opened."""

    def __init__(self, redis_url: Secret | None) -> None:
        """In Redis, where there is one; else in this process. Raises BadOffice, BadRedisAddress. Does not connect."""
        self._told: list[Callable[[str], object]] = []
        self._redis = None if redis_url is None else self._in_redis(redis_url)
        self._sharing = Sharing(self._redis or MemoryShareOffice(self._tell))
        self._others: frozenset[str] = frozenset()

    def tells(self, whoever: Callable[[str], object]) -> None:
        """When gateways are to give back what they have to spare. Before it is opened."""
        self._told.append(whoever)

    def shared_with(self, others: frozenset[str]) -> None:
        """Other control planes that give out shares of the same limits. Any thread may call it."""
        self._others = others

    async def ask(self, question: SharesQuestion) -> Shares:
        """See the port."""
        return await self._sharing.ask(question)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Office]:
        """Until the block ends."""
        if self._redis is None:
            yield self
            return
        async with self._redis.opened():
            yield self

    async def probe(self) -> None:
        """Raises Unavailable while limits are not counted together."""
        if self._redis is not None and self._redis.trouble:
            raise Unavailable(
                "Redis does not answer: each gateway counts limits by itself, up to the whole amount.",
                detail=self._redis.trouble,
            )
        if self._redis is None and self._others:
            raise Unavailable(
                "Another control plane gives out shares of the same limits, up to the whole amount each: set HEADWORKS_REDIS_URL "
                "for all of them.",
                detail=f"gateways also ask {', '.join(sorted(self._others))}",
            )

    def _tell(self, limit_id: str) -> None:
        for whoever in self._told:
            whoever(limit_id)

    def _in_redis(self, url: Secret) -> RedisShareOffice:
        if find_spec("redis") is None:
            raise BadOffice("Redis' client is not installed; run: pip install 'headworks[redis]'")
        from headworks.gateway.adapters.redis_shares import RedisShareOffice  # noqa: PLC0415 - an extra, not everybody's
        from headworks.kernel.redis import Address  # noqa: PLC0415 - as above

        return RedisShareOffice(Address.parse(url), self._tell)
