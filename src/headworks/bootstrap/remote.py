"""A gateway whose control plane is another process: what it asks, what it hears, and what it keeps for an outage."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from headworks import __version__
from headworks.bootstrap.flow_table import EngineForgets
from headworks.bootstrap.leases import LeasesAcrossLives
from headworks.bootstrap.peers import channel_credentials
from headworks.dataplane.flow import gateway_of
from headworks.dataplane.wire.control_pb2 import Sender
from headworks.gateway.adapters.control import KeptFlows, RemoteController, RemoteLeases, RemoteShares, Watcher, connect
from headworks.kernel.errors import Unavailable
from headworks.kernel.secrets import Keyring

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from concurrent.futures import Future

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.leaving import Leaving
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine
    from headworks.gateway.adapters.control import Link
    from headworks.kernel.telemetry.metrics import Metrics

_MOST_FORMER: Final = 1_000_000
"""Of a former life, as many records are waited for; some 100 bytes each."""


class FormerLife:
    """What the spool held at the start: what former lives held comes back when all of it is settled."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._left = _MOST_FORMER

    def note(self, events: Sequence[Sequence[object]]) -> None:
        """They were handed over; `dataplane.events.UsageEvent` says what is in them."""
        for source, event_id, *_ in events[: self._left]:
            self._ids.setdefault(str(source), []).append(str(event_id))
        self._left -= min(self._left, len(events))

    def of(self, source: str) -> list[str]:
        """The ids of a spool's records."""
        return self._ids.get(source, [])

    def forget(self, source: str) -> None:
        """They are settled."""
        self._ids.pop(source, None)


class Remote:
    """Belongs to the controller's loop once it is opened."""

    def __init__(self, home: Home, settings: Settings, engine: Engine, leaving: Leaving) -> None:
        """Raises OSError for certificates that cannot be read, PermissionError or ValueError for a keyring that cannot be used."""
        self._addresses = settings.control_address or ()
        self._engine = engine
        self._leaving = leaving
        self._credentials = channel_credentials(settings)
        self._sealer = Keyring(home.keyring).sealer
        self._path = home.kept_flows
        self._link: Link | None = None
        self._watcher: Watcher | None = None
        self._controller: RemoteController | None = None

    @asynccontextmanager
    async def opened(self, former: FormerLife, recovered: Future[None]) -> AsyncIterator[RemoteController]:
        """Until the block ends."""
        kept = KeptFlows(self._path, self._sealer)
        # In an order of its own, so that gateways spread over the control planes.
        order = random.sample(self._addresses, len(self._addresses))
        addresses = [f"dns:///{address}" for address in order]
        self._link = connect(*addresses, credentials=self._credentials, sender=self._sender)
        leases = RemoteLeases(self._link)

        async def release(life: str) -> None:
            await leases.release(life, former.of(gateway_of(life)))
            former.forget(gateway_of(life))

        controller = self._controller = RemoteController(
            self._link, LeasesAcrossLives(leases, release, recovered), RemoteShares(self._link), kept
        )
        self._watcher = Watcher(
            _id_of(self._engine),
            self._link,
            EngineForgets(self._engine),
            controller,
            kept,
            drain=lambda drain: self._leaving.order(drain=drain),
        )
        tasks = [asyncio.create_task(part.run(), name=type(part).__name__) for part in (self._watcher, kept)]
        try:
            yield controller
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await kept.flush()
            kept.close()
            await self._link.close()

    def _sender(self) -> Sender:
        spool = _spool_of(self._engine)
        return Sender(
            gateway=str(spool.get("source", "")),
            version=__version__,
            waiting_records=spool.get("unshipped_records"),
            open_requests=spool.get("open_intents"),
            draining=self._leaving.is_leaving,
        )

    async def probe(self) -> None:
        """Raises Unavailable while the control plane is not heard."""
        if not self.is_heard:
            raise Unavailable(
                "The control plane is not heard: known keys and models are served by what was decided last, others get 503.",
                detail=f"HEADWORKS_CONTROL_ADDRESS is {','.join(self._addresses)}",
            )

    @property
    def is_heard(self) -> bool:
        """Whether the control plane was heard a moment ago."""
        return self._link is not None and self._link.heard

    @property
    def from_memory(self) -> int:
        """How many questions were answered by what was known before."""
        return 0 if self._controller is None else self._controller.from_memory

    @property
    def revision(self) -> int:
        """The last change that was heard."""
        return 0 if self._watcher is None else self._watcher.revision


class RemoteMetrics:
    """How the link is, and what was ordered over it, as `/metrics` shows it."""

    def __init__(self, metrics: Metrics, remote: Remote, leaving: Leaving) -> None:
        metrics.show("headworks_control_heard", "Whether the control plane is heard: 1 or 0.", lambda: remote.is_heard)
        metrics.show("headworks_control_revision", "The last change that was heard of it.", lambda: remote.revision)
        metrics.show(
            "headworks_flows_from_memory",
            "Questions that were answered by what was known before.",
            lambda: remote.from_memory,
        )
        metrics.show(
            "headworks_draining", "Whether balancers are told to go elsewhere: 1 or 0.", lambda: leaving.is_leaving
        )


def _id_of(engine: Engine) -> str:
    return str(_spool_of(engine).get("source", ""))


def _spool_of(engine: Engine) -> dict[str, Any]:
    return json.loads(engine.status()).get("spool") or {}
