"""The controller's door: a question of the engine in, an answer out, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.dataplane.flow import LeaseQuestion, Policy, Refusal, Returned, ReturnQuestion, question_from_json
from headworks.dataplane.shares import SharesQuestion
from headworks.gateway import commands
from headworks.gateway.domain import flows, refusals
from headworks.kernel.clock import now
from headworks.kernel.errors import HeadworksError, Unavailable
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.dataplane.flow import Answer, AnyQuestion
    from headworks.gateway.ports import AsksShares, Neighbours
    from headworks.gateway.settings import GatewaySettings
    from headworks.kernel.clock import Clock

_log = logger(__name__)
_MS = 1000


class Controller:
    """Answers questions, any number at a time, within one event loop."""

    def __init__(
        self,
        neighbours: Neighbours,
        settings: GatewaySettings,
        clock: Clock = now,
        shares: AsksShares | None = None,
    ) -> None:
        """`shares`: None where no other gateway counts the same limits."""
        longest = flows.Lifetime(int(settings.fresh_seconds * _MS), int(settings.hard_seconds * _MS))
        policy = Policy(
            connect_ms=settings.upstream_connect_ms,
            first_byte_ms=settings.upstream_first_byte_ms,
            idle_ms=settings.upstream_idle_ms,
            total_ms=settings.upstream_total_ms,
        )
        self._leases = neighbours.leases
        self._shares = shares
        self._sources = commands.Sources(neighbours, clock, longest, policy)

    async def answer(self, number: int, question: str) -> tuple[int, str]:
        """The number, and the Answer as JSON. Never raises: who waits must hear something."""
        answer: Answer
        try:
            answer = await self.decide(question_from_json(question))
        except HeadworksError as error:
            _log.error("question not answered", code=error.code, detail=error.detail or error.message)
            answer = refusals.unavailable()
        except Exception:  # noqa: BLE001 - a bug must not leave callers waiting
            _log.exception("question not answered")
            answer = refusals.unavailable()
        return number, answer.to_json()

    async def decide(self, asked: AnyQuestion) -> Answer:
        """Raises Unavailable when nobody can tell."""
        if isinstance(asked, SharesQuestion):
            if self._shares is None:
                raise Unavailable("Nobody counts limits for several gateways here.")
            return await self._shares.ask(asked)
        if isinstance(asked, LeaseQuestion):
            return await self._leases.grant(asked)
        if isinstance(asked, ReturnQuestion):
            await self._leases.take_back(asked)
            return Returned()
        answer = await commands.resolve(asked, self._sources)
        if isinstance(answer, Refusal):
            _log.debug("refused", request_id=asked.request_id, code=answer.code, endpoint=asked.endpoint)
        return answer
