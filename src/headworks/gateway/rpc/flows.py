"""`FlowService`: a question of a gateway in, the controller's decision out; and what it must ask anew."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import grpc

from headworks.dataplane.flow import FLOW_VERSION, Question
from headworks.dataplane.wire.control_pb2 import ReportResponse, ResolveResponse, WatchResponse
from headworks.dataplane.wire.control_pb2_grpc import FlowServiceServicer
from headworks.gateway.domain import refusals
from headworks.gateway.rpc.failures import OURS, Context, answering
from headworks.gateway.rpc.senders import address_of, note_sender, said_by
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from headworks.dataplane.wire.control_pb2 import ReportRequest, ResolveRequest, WatchRequest
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.rpc.changes import Changes
    from headworks.gateway.tasks import Controller

_log = logger(__name__)

BEAT_SECONDS: Final = 2.0
"""How long a watcher hears nothing at most; one that hears nothing for longer has lost its connection."""


class FlowServicer(FlowServiceServicer):
    """Any number of gateways, within one event loop."""

    def __init__(
        self,
        controller: Controller,
        changes: Changes,
        roster: Roster,
        deaf: Callable[[], bool] = bool,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        """`deaf`: whether changes of other control planes are not heard now."""
        self._controller = controller
        self._changes = changes
        self._roster = roster
        roster.follow(lambda: changes.newest)
        self._deaf = deaf
        self._beat_seconds = beat_seconds
        self._leaving = False

    async def Resolve(  # noqa: N802 - the service's name for it
        self, request: ResolveRequest, context: Context
    ) -> ResolveResponse:
        """As the controller decides. UNAVAILABLE when it cannot tell: the gateway may know what held lately."""
        note_sender(self._roster, request, context)
        if request.flow_version < FLOW_VERSION:
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"this control plane writes flows of version {FLOW_VERSION}, and the gateway reads up to {request.flow_version}: "
                "install a newer gateway",
            )
        model = request.model if request.HasField("model") else None
        question = Question(request.key_hash, model, request.endpoint, request.request_id)
        async with answering(context):
            answer = await self._controller.decide(question)
            if answer == refusals.unavailable():
                await context.abort(grpc.StatusCode.UNAVAILABLE, "what is known of this key is too old", OURS)
        return ResolveResponse(answer=answer.to_json().encode())

    async def Watch(  # noqa: N802 - the service's name for it
        self, request: WatchRequest, context: Context
    ) -> AsyncIterator[WatchResponse]:
        """Changes, until the gateway leaves."""
        _log.info("a gateway watches", gateway=request.gateway, revision=request.revision)
        self._roster.began(request.gateway, address_of(context), said_by(request.sender))
        since = self._changes.since(request.instance, request.revision, self._beat_seconds, lambda: self._leaving)
        try:
            async with aclosing(since) as changes:
                async for change in changes:
                    yield self._told(request.gateway, change)
                    # It goes on when that has been written.
                    self._roster.told(request.gateway, change.revision)
        finally:
            self._roster.left(request.gateway)

    def _told(self, gateway: str, change: WatchResponse) -> WatchResponse:
        """With what is this gateway's own, where it is no change."""
        if change.WhichOneof("change") not in {None, "missed"}:
            return change
        # What was missed is told to everybody by one and the same message.
        told = WatchResponse()
        told.CopyFrom(change)
        told.drain, told.deaf = self._roster.is_to_drain(gateway), self._deaf()
        return told

    async def Report(  # noqa: N802 - the service's name for it
        self, request: ReportRequest, context: Context
    ) -> ReportResponse:
        """Noted."""
        note_sender(self._roster, request, context)
        return ReportResponse()

    def leave(self) -> None:
        """End every watch, so that gateways ask elsewhere from now on."""
        self._leaving = True
        self._changes.wake()
