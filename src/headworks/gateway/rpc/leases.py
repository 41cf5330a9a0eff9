"""`LeaseService`: gateways borrow from budgets, give back, and begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion
from headworks.dataplane.wire import control_pb2 as wire
from headworks.dataplane.wire.control_pb2_grpc import LeaseServiceServicer
from headworks.gateway.rpc.failures import Context, answering
from headworks.gateway.rpc.senders import note_sender

if TYPE_CHECKING:
    from headworks.gateway.domain.roster import Roster
    from headworks.gateway.ports import LeaseOffice, Releases


class LeaseServicer(LeaseServiceServicer):
    """Any number of gateways, within one event loop."""

    def __init__(self, office: LeaseOffice, releases: Releases, roster: Roster) -> None:
        self._roster = roster
        self._office = office
        self._releases = releases

    async def Grant(  # noqa: N802 - the service's name for it
        self, request: wire.GrantRequest, context: Context
    ) -> wire.GrantResponse:
        """A lease, or how the budget stands."""
        note_sender(self._roster, request, context)
        wanted = LeaseQuestion(
            life=request.life,
            budget_id=request.budget_id,
            period_start_us=request.period_start_us,
            need=request.need,
            want=request.want,
            request_id=request.request_id,
        )
        async with answering(context):
            answer = await self._office.grant(wanted)
        if isinstance(answer, Lease):
            lent = wire.Lease(granted=answer.granted, term_ms=answer.term_ms, remaining=answer.remaining)
            return wire.GrantResponse(lease=lent)
        spent = wire.Spent(
            amount=answer.amount,
            spent=answer.spent,
            held=answer.held,
            resets_at_us=answer.resets_at_us,
            hard=answer.hard,
        )
        return wire.GrantResponse(spent=spent)

    async def GiveBack(  # noqa: N802 - the service's name for it
        self, request: wire.GiveBackRequest, context: Context
    ) -> wire.GiveBackResponse:
        """No more than the gateway holds."""
        note_sender(self._roster, request, context)
        returned = ReturnQuestion(request.life, request.budget_id, request.period_start_us, request.amount)
        async with answering(context):
            await self._office.take_back(returned)
        return wire.GiveBackResponse()

    async def Release(  # noqa: N802 - the service's name for it
        self, request: wire.ReleaseRequest, context: Context
    ) -> wire.ReleaseResponse:
        """Nothing while a record of its former life is on its way."""
        note_sender(self._roster, request, context)
        async with answering(context):
            settled = await self._releases.settled(request.source, request.event_ids)
            if settled and not request.more:
                await self._releases.release(request.source, request.life)
        return wire.ReleaseResponse(settled=settled)
