"""How the installation is: whether it may be sent requests, and what is wrong where it may not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from headworks.bootstrap.leaving import Leaving
from headworks.kernel.clock import now
from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

State = Literal["ok", "degraded", "failed"]
Readiness = Literal["ready", "degraded", "unready"]

_PROBE_SECONDS = 2.0


class EngineView(Protocol):
    """As much of the engine as health and metrics look at."""

    def status(self) -> str:
        """Its state as JSON."""

    def metrics(self) -> str:
        """Its metrics in the Prometheus text format."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str = ""
    """What is wrong and what to do; empty when it is well."""
    since: datetime | None = None
    """When it was first seen to be in this state: somebody must look for it to be seen."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was looked at, and what follows."""

    status: Readiness
    checks: tuple[Check, ...]
    engine: Mapping[str, object]
    """What the engine says of itself: flows, open streams, spool."""


@dataclass(slots=True)
class Health:
    """Looks at the parts, each time that it is asked."""

    engine: EngineView
    probes: Mapping[str, Callable[[], Awaitable[None]]]
    """Databases by name: each raises HeadworksError when it is not well."""
    refuses_when_full: bool = True
    started: bool = field(default=False)
    """Set once the front door is open and everything behind it stands."""
    leaving: Leaving = field(default_factory=Leaving)
    """Whether balancers are to go elsewhere, though all is well."""
    _seen: dict[str, Check] = field(default_factory=dict)
    """The last look at each."""

    async def report(self) -> Report:
        """Look at everything now; it takes at most a few seconds."""
        engine = self._engine()
        probed = await asyncio.gather(*(_probe(name, probe) for name, probe in self.probes.items()))
        looked_at = (self._start(), _door(engine), *probed, _spool(engine, refuses_when_full=self.refuses_when_full))
        at = now()
        checks = (*(self._dated(check, at) for check in looked_at), *self._drain())
        states = {check.state for check in checks}
        status: Readiness = "unready" if "failed" in states else "degraded" if "degraded" in states else "ready"
        return Report(status, checks, engine)

    def _engine(self) -> Mapping[str, object]:
        status = json.loads(self.engine.status())
        return status if isinstance(status, dict) else {}

    def _start(self) -> Check:
        return Check("start", "ok") if self.started else Check("start", "failed", "still starting; wait a moment")

    def _dated(self, check: Check, at: datetime) -> Check:
        """With the moment from which on it was seen like this."""
        before = self._seen.get(check.name)
        since = before.since if before is not None and before.state == check.state else at
        dated = self._seen[check.name] = replace(check, since=since)
        return dated

    def _drain(self) -> tuple[Check, ...]:
        leaving = self.leaving
        return (Check("drain", "failed", leaving.why, leaving.since),) if leaving.is_leaving else ()


async def _probe(name: str, probe: Callable[[], Awaitable[None]]) -> Check:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await probe()
    except TimeoutError:
        # Inference goes on from what the engine knows: an ailing database takes no traffic away from it.
        return Check(name, "degraded", f"did not answer within {_PROBE_SECONDS:g} s; look at the disk's load")
    except HeadworksError as error:
        return Check(name, "degraded", f"{error.message} {error.detail}".strip())
    return Check(name, "ok")


def _door(engine: Mapping[str, object]) -> Check:
    if engine.get("running"):
        return Check("front door", "ok")
    return Check("front door", "failed", "not open: the server is starting or stopping")


def _spool(engine: Mapping[str, object], *, refuses_when_full: bool) -> Check:
    spool = engine.get("spool")
    if not isinstance(spool, dict):
        return Check("usage spool", "ok") if not engine.get("running") else Check("usage spool", "degraded", "unknown")
    level = f"{spool.get('bytes')} of {spool.get('limit_bytes')} bytes"
    error = spool.get("last_error")
    if spool.get("full"):
        state = f"the disk gives no more room ({error})" if error else f"full ({level})"
        if refuses_when_full:
            return Check("usage spool", "failed", f"{state}: requests are refused until there is room")
        return Check("usage spool", "degraded", f"{state}: requests are served and not recorded")
    if error:
        return Check("usage spool", "degraded", str(error))
    if spool.get("over_half"):
        return Check(
            "usage spool", "degraded", f"more than half full ({level}): usage is stored too slowly, or not at all"
        )
    return Check("usage spool", "ok")
