"""The port `AsksShares`, in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from headworks.dataplane.shares import Share, Shares
from headworks.dataplane.wire import control_pb2 as wire
from headworks.gateway.adapters.control.decisions import unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.dataplane.shares import ShareAsk, SharesQuestion
    from headworks.gateway.adapters.control.link import Link

_log = logger(__name__)


class RemoteShares:
    """Belongs to one event loop."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._is_away = False

    async def ask(self, question: SharesQuestion) -> Shares:
        """See the port. Raises Unavailable, also where the control plane is of before there were shares."""
        request = wire.SharesRequest(
            life=question.life, asks=[_wire(ask) for ask in question.asks], sender=self._link.sender()
        )
        try:
            answer = await self._link.ask(lambda: self._link.shares.Ask(request, timeout=self._link.deadline_seconds))
        except grpc.aio.AioRpcError as error:
            raise self._away(error) from None
        if self._is_away:
            _log.info("limits are counted together again")
        self._is_away = False
        return Shares(tuple(_share(share) for share in answer.shares))

    def _away(self, error: grpc.aio.AioRpcError) -> Exception:
        failure = unavailable(error)
        if not self._is_away:
            _log.warning("nobody tells what others use of limits; counting by ourselves", detail=failure.detail)
        self._is_away = True
        return failure


def _wire(ask: ShareAsk) -> wire.ShareAsk:
    return wire.ShareAsk(
        limit_id=ask.limit_id,
        unit=ask.unit,
        window_s=ask.window_s,
        amount=ask.amount,
        number=ask.number,
        cap=ask.cap,
        used=ask.used,
        need=ask.need,
        want=ask.want,
        passing=[wire.Passing(in_ms=in_ms, amount=amount) for in_ms, amount in ask.passing],
    )


def _share(share: wire.Share) -> Share:
    return Share(share.cap, share.used, share.enough, share.free_in_ms if share.HasField("free_in_ms") else None)
