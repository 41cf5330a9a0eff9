"""Answers the engine's questions by asking the control plane; while that is away, by what it said last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc

from headworks.dataplane.flow import (
    FLOW_VERSION,
    LeaseQuestion,
    Question,
    Returned,
    ReturnQuestion,
    question_from_json,
)
from headworks.dataplane.shares import SharesQuestion
from headworks.dataplane.wire.control_pb2 import ResolveRequest
from headworks.gateway.domain import refusals
from headworks.kernel.errors import HeadworksError, Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.gateway.adapters.control.kept import KeptFlows
    from headworks.gateway.adapters.control.link import Link
    from headworks.gateway.ports import AsksShares, LeaseOffice

_log = logger(__name__)


class RemoteController:
    """In the place of `tasks.Controller`, within one event loop."""

    def __init__(self, link: Link, leases: LeaseOffice, shares: AsksShares, kept: KeptFlows) -> None:
        self._link = link
        self._leases = leases
        self._shares = shares
        self._kept = kept
        self._changes = 0
        self.from_memory = 0
        """How many questions were answered by what was known before."""

    async def answer(self, number: int, question: str) -> tuple[int, str]:
        """The number, and the Answer as JSON. Never raises: who waits must hear something."""
        try:
            return number, await self._answer(question)
        except HeadworksError as error:
            _log.warning("question not answered", detail=error.detail or error.message)
        except Exception:  # noqa: BLE001 - a bug must not leave callers waiting
            _log.exception("question not answered")
        return number, refusals.unavailable().to_json()

    def changed(self) -> None:
        """Something was changed just now: answers that are under way may be older than that, and are not kept."""
        self._changes += 1

    async def _answer(self, text: str) -> str:
        """Raises Unavailable when nobody can tell."""
        asked = question_from_json(text)
        if isinstance(asked, SharesQuestion):
            return await self._share_out(asked)
        if isinstance(asked, LeaseQuestion):
            return (await self._leases.grant(asked)).to_json()
        if isinstance(asked, ReturnQuestion):
            await self._leases.take_back(asked)
            return Returned().to_json()
        try:
            return await self._resolve(asked)
        except Unavailable:
            known = await self._kept.find(asked)
            if known is None:
                raise
            self.from_memory += 1
            return known

    async def _share_out(self, asked: SharesQuestion) -> str:
        """Who counts alone asks again and again: its log says so once."""
        try:
            return (await self._shares.ask(asked)).to_json()
        except Unavailable:
            return refusals.unavailable().to_json()

    async def _resolve(self, asked: Question) -> str:
        request = ResolveRequest(
            key_hash=asked.key_hash,
            model=asked.model,
            endpoint=asked.endpoint,
            request_id=asked.request_id,
            flow_version=FLOW_VERSION,
            sender=self._link.sender(),
        )
        changes = self._changes
        try:
            response = await self._link.ask(
                lambda: self._link.flows.Resolve(request, timeout=self._link.deadline_seconds)
            )
        except grpc.aio.AioRpcError as error:
            raise unavailable(error) from None
        answer: str = response.answer.decode()
        if "flow" not in json.loads(answer):
            self._kept.forget(asked)
        elif changes == self._changes:
            self._kept.keep(asked, answer)
        return answer


def unavailable(error: grpc.aio.AioRpcError) -> Unavailable:
    """As the gateway says it; the detail is for its log."""
    return Unavailable("The control plane does not answer.", detail=f"{error.code().name}: {error.details()}")
