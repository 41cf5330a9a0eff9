"""The controller's door: a question of the engine in, an answer out, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.dataplane.flow import Policy, Refusal, question_from_json
from headworks.gateway import commands
from headworks.gateway.domain import flows, refusals
from headworks.kernel.clock import now
from headworks.kernel.errors import HeadworksError
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.gateway.ports import Keys, Models, Secrets
    from headworks.gateway.settings import GatewaySettings
    from headworks.kernel.clock import Clock

_log = logger(__name__)
_MS = 1000


class Controller:
    """Answers questions, any number at a time, within one event loop."""

    def __init__(
        self, keys: Keys, secrets: Secrets, models: Models, settings: GatewaySettings, clock: Clock = now
    ) -> None:
        longest = flows.Lifetime(int(settings.fresh_seconds * _MS), int(settings.hard_seconds * _MS))
        policy = Policy(
            connect_ms=settings.upstream_connect_ms,
            first_byte_ms=settings.upstream_first_byte_ms,
            idle_ms=settings.upstream_idle_ms,
            total_ms=settings.upstream_total_ms,
        )
        self._sources = commands.Sources(keys, secrets, models, clock, longest, policy)

    async def answer(self, number: int, question: str) -> tuple[int, str]:
        """The number, and a Flow or a Refusal as JSON. Never raises: who waits must hear something."""
        try:
            asked = question_from_json(question)
            answer = await commands.resolve(asked, self._sources)
        except HeadworksError as error:
            _log.error("question not answered", code=error.code, detail=error.detail or error.message)
            answer = refusals.unavailable()
        except Exception:  # noqa: BLE001 - a bug must not leave callers waiting
            _log.exception("question not answered")
            answer = refusals.unavailable()
        else:
            if isinstance(answer, Refusal):
                _log.debug("refused", request_id=asked.request_id, code=answer.code, endpoint=asked.endpoint)
        return number, answer.to_json()
