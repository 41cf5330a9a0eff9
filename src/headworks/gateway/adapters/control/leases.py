"""The port `LeaseOffice`, in another process."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import grpc

from headworks.dataplane.flow import Lease, Spent, gateway_of
from headworks.dataplane.wire import control_pb2 as wire
from headworks.gateway.adapters.control.decisions import unavailable
from headworks.kernel.clock import monotonic
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from headworks.dataplane.flow import LeaseQuestion, ReturnQuestion
    from headworks.gateway.adapters.control.link import Link

_log = logger(__name__)

T = TypeVar("T")

_AT_ONCE: Final = 1_000
"""Ids of one call."""
_PAUSE_SECONDS: Final = 0.5
_LONG_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 120.0


class RemoteLeases:
    """Belongs to one event loop."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """See the port. Raises Unavailable."""
        request = wire.GrantRequest(
            life=wanted.life,
            budget_id=wanted.budget_id,
            period_start_us=wanted.period_start_us,
            need=wanted.need,
            want=wanted.want,
            request_id=wanted.request_id,
            sender=self._link.sender(),
        )
        answer = await self._call(lambda: self._link.leases.Grant(request, timeout=self._link.deadline_seconds))
        if answer.HasField("lease"):
            return Lease(answer.lease.granted, answer.lease.term_ms, answer.lease.remaining)
        spent = answer.spent
        resets_at_us = spent.resets_at_us if spent.HasField("resets_at_us") else None
        return Spent(spent.amount, spent.spent, spent.held, resets_at_us, hard=spent.hard)

    async def take_back(self, returned: ReturnQuestion) -> None:
        """See the port. Raises Unavailable."""
        request = wire.GiveBackRequest(
            life=returned.life,
            budget_id=returned.budget_id,
            period_start_us=returned.period_start_us,
            amount=returned.amount,
            sender=self._link.sender(),
        )
        await self._call(lambda: self._link.leases.GiveBack(request, timeout=self._link.deadline_seconds))

    async def release(self, life: str, event_ids: Sequence[str]) -> None:
        """All that the gateway held in former lives comes back, once these requests of theirs are settled. It waits for that.

        After two minutes it waits no longer: what holds them up is in nobody's way, and holds end after such a time anyway. Raises
        Unavailable.
        """
        source, give_up = gateway_of(life), monotonic() + _PATIENCE_SECONDS
        parts = [event_ids[at : at + _AT_ONCE] for at in range(0, max(len(event_ids), 1), _AT_ONCE)]
        for number, part in enumerate(parts, 1):
            request = wire.ReleaseRequest(source=source, life=life, event_ids=part, more=number < len(parts))
            while True:
                request.sender.CopyFrom(self._link.sender())
                answer = await self._call(partial(self._release, request))
                if answer.settled:
                    break
                if monotonic() >= give_up:
                    _log.warning("usage of a former life is not settled; what it held is given back", source=source)
                    request.ClearField("event_ids")
                    continue
                await asyncio.sleep(_PAUSE_SECONDS)

    def _release(self, request: wire.ReleaseRequest) -> Awaitable[wire.ReleaseResponse]:
        return self._link.leases.Release(request, timeout=_LONG_SECONDS)

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._link.ask(call)
        except grpc.aio.AioRpcError as error:
            raise unavailable(error) from None
