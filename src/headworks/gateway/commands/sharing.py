"""Give gateways their shares of limits. Nobody is refused while another gateway has something to spare: that is asked for first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from headworks.dataplane.shares import Shares
from headworks.kernel.clock import monotonic

if TYPE_CHECKING:
    from headworks.dataplane.shares import Share, ShareAsk, SharesQuestion
    from headworks.gateway.domain.shares import Decision
    from headworks.gateway.ports import ShareOffice

PATIENCE_SECONDS: Final = 1.5
"""How long a question waits for what others give back: a hundred times what that takes, which is what busy machines need, and less than
gateways wait for an answer."""
_LOOK_SECONDS: Final = 0.1
"""What is said through another control plane is found by looking."""


class Sharing:
    """Any number of questions at a time, within one event loop."""

    def __init__(self, office: ShareOffice, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._office = office
        self._patience_seconds = patience_seconds
        self._spoke: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """By limit, as long as somebody waits."""

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
        give_up = monotonic() + self._patience_seconds
        spoke = self._event(ask)
        await self._office.recall(ask.limit_id)
        while _may_come(asked, decision) and monotonic() < give_up:
            await _wait(spoke)
            # Before it is looked: what is said meanwhile is seen.
            spoke = self._event(ask)
            (decision,) = await self._take(life, ask)
        return decision.share

    def _event(self, ask: ShareAsk) -> asyncio.Event:
        return self._spoke.setdefault(ask.limit_id, asyncio.Event())

    async def _take(self, life: str, *asks: ShareAsk) -> list[Decision]:
        decisions = list(await self._office.take(life, asks))
        for ask in asks:
            if not ask.need and (spoke := self._spoke.pop(ask.limit_id, None)):
                spoke.set()
        return decisions


def _may_come(asked: frozenset[str], decision: Decision) -> bool:
    """Whether it is not enough yet, and one of those who were asked has said nothing since."""
    return not decision.share.enough and not asked.isdisjoint(decision.lenders)


async def _wait(spoke: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await spoke.wait()
    except TimeoutError:
        return
