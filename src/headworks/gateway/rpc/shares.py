"""`ShareService`: gateways ask for shares of limits, and tell what they have used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import grpc

from headworks.dataplane.shares import ShareAsk, SharesQuestion, Unit
from headworks.dataplane.wire import control_pb2 as wire
from headworks.dataplane.wire.control_pb2_grpc import ShareServiceServicer
from headworks.gateway.rpc.failures import Context, answering
from headworks.gateway.rpc.senders import note_sender

if TYPE_CHECKING:
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.ports import AsksShares

_MOST: Final = 1_000
"""Of one question; a gateway puts 256."""
_LONGEST: Final = 128
_UNITS: Final[dict[str, Unit]] = {unit: unit for unit in get_args(Unit)}


class ShareServicer(ShareServiceServicer):
    """Any number of gateways, within one event loop."""

    def __init__(self, shares: AsksShares, roster: Roster) -> None:
        self._shares = shares
        self._roster = roster

    async def Ask(  # noqa: N802 - the service's name for it
        self, request: wire.SharesRequest, context: Context
    ) -> wire.SharesResponse:
        """One share for each ask. INVALID_ARGUMENT for what no gateway of ours says."""
        note_sender(self._roster, request, context)
        wrong = _wrong(request)
        if wrong:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, wrong)
        question = SharesQuestion(request.life, tuple(_ask(ask) for ask in request.asks))
        async with answering(context):
            answer = await self._shares.ask(question)
        return wire.SharesResponse(
            shares=[
                wire.Share(cap=share.cap, used=share.used, enough=share.enough, free_in_ms=share.free_in_ms)
                for share in answer.shares
            ]
        )


def _wrong(request: wire.SharesRequest) -> str:
    if not 0 < len(request.life) <= _LONGEST:
        return "life names no life of a gateway"
    if len(request.asks) > _MOST:
        return f"{len(request.asks)} asks; at most {_MOST} go together"
    for ask in request.asks:
        if not 0 < len(ask.limit_id) <= _LONGEST or ask.unit not in _UNITS:
            return "an ask names no limit"
        if ask.used > ask.cap:
            return "an ask says that more was used than was allowed"
    return ""


def _ask(ask: wire.ShareAsk) -> ShareAsk:
    return ShareAsk(
        limit_id=ask.limit_id,
        unit=_UNITS[ask.unit],
        window_s=ask.window_s,
        amount=ask.amount,
        number=ask.number,
        cap=ask.cap,
        used=ask.used,
        need=ask.need,
        want=ask.want,
        passing=tuple((one.in_ms, one.amount) for one in ask.passing),
    )
