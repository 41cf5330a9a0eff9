"""`FlowService`: a question of a gateway in, the controller's decision out; and what it must ask anew."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import grpc

from headworks.dataplane.flow import FLOW_VERSION, Question
from headworks.dataplane.wire.control_pb2 import ResolveResponse
from headworks.dataplane.wire.control_pb2_grpc import FlowServiceServicer
from headworks.gateway.domain import refusals
from headworks.gateway.rpc.failures import Context, answering
from headworks.gateway.rpc.senders import address_of, note_sender
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headworks.dataplane.wire.control_pb2 import ResolveRequest, WatchRequest, WatchResponse
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.rpc.changes import Changes
    from headworks.gateway.tasks import Controller

_log = logger(__name__)

BEAT_SECONDS: Final = 2.0
"""How long a watcher hears nothing at most; one that hears nothing for longer has lost its connection."""


class FlowServicer(FlowServiceServicer):
    """Any number of gateways, within one event loop."""

    def __init__(
        self, controller: Controller, changes: Changes, roster: Roster, beat_seconds: float = BEAT_SECONDS
    ) -> None:
        self._controller = controller
        self._changes = changes
        self._roster = roster
        roster.follow(lambda: changes.newest)
        self._beat_seconds = beat_seconds

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
                await context.abort(grpc.StatusCode.UNAVAILABLE, "what is known of this key is too old")
        return ResolveResponse(answer=answer.to_json().encode())

    async def Watch(  # noqa: N802 - the service's name for it
        self, request: WatchRequest, context: Context
    ) -> AsyncIterator[WatchResponse]:
        """Changes, until the gateway leaves."""
        _log.info("a gateway watches", gateway=request.gateway, revision=request.revision)
        waiting = request.sender.waiting_records if request.sender.HasField("waiting_records") else None
        self._roster.began(request.gateway, address_of(context), request.sender.version, waiting)
        try:
            async with aclosing(self._changes.since(request.instance, request.revision, self._beat_seconds)) as changes:
                async for change in changes:
                    yield change
                    # It goes on when that has been written.
                    self._roster.told(request.gateway, change.revision)
        finally:
            self._roster.left(request.gateway)
