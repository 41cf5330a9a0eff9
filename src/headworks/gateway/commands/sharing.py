"""Give gateways their shares of limits. Nobody is refused while another gateway has something to spare: that is asked for first."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from headworks.dataplane.shares import Shares
from headworks.kernel.recall import Recall

if TYPE_CHECKING:
    from headworks.dataplane.shares import Share, ShareAsk, SharesQuestion
    from headworks.gateway.domain.shares import Decision
    from headworks.gateway.ports import ShareOffice

PATIENCE_SECONDS: Final = 1.5
"""How long a question waits for what others give back: a hundred times what that takes, which is what busy machines need, and less than
gateways wait for an answer."""


class Sharing:
    """Any number of questions at a time, within one event loop."""

    def __init__(self, office: ShareOffice, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._office = office
        self._recall = Recall(patience_seconds)

    async def ask(self, question: SharesQuestion) -> Shares:
        """See the port `AsksShares`."""
        decisions = await self._take(question.life, *question.asks)
        waiting = (
            self._patiently(question.life, ask, decision)
            for ask, decision in zip(question.asks, decisions, strict=True)
        )
        return Shares(tuple(await asyncio.gather(*waiting)))

    async def _patiently(self, life: str, ask: ShareAsk, decision: Decision) -> Share:
        asked = decision.lenders
        if decision.share.enough or not asked:
            return decision.share

        async def look() -> Decision:
            (found,) = await self._take(life, ask)
            return found

        recall = partial(self._office.recall, ask.limit_id)
        found = await self._recall.until(ask.limit_id, lambda seen: _is_final(asked, seen), recall, look)
        return found.share

    async def _take(self, life: str, *asks: ShareAsk) -> list[Decision]:
        decisions = list(await self._office.take(life, asks))
        for ask in asks:
            if not ask.need:
                self._recall.came_back(ask.limit_id)
        return decisions


def _is_final(asked: frozenset[str], decision: Decision) -> bool:
    """Whether it is enough, or all of those who were asked have said something since."""
    return decision.share.enough or asked.isdisjoint(decision.lenders)
