"""A gateway whose control plane is another process: what it asks, what it hears, and what it keeps for an outage."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import Gauge

from headworks import __version__
from headworks.bootstrap.forgetting import EngineForgets
from headworks.bootstrap.leases import LeasesAfterRecovery
from headworks.bootstrap.peers import channel_credentials
from headworks.dataplane.wire.control_pb2 import Sender
from headworks.gateway.adapters.control import KeptFlows, RemoteController, RemoteLeases, Watcher, connect
from headworks.kernel.errors import Unavailable
from headworks.kernel.secrets import Keyring

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from concurrent.futures import Future

    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings
    from headworks.dataplane.engine import Engine
    from headworks.gateway.adapters.control import Link
    from headworks.kernel.telemetry.metrics import Metrics

_MOST_FORMER: Final = 1_000_000
"""Of a former life, as many records are waited for; some 100 bytes each."""


class FormerLife:
    """What the spool held at the start: nothing is borrowed before all of it is settled."""

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

    def __init__(self, home: Home, settings: Settings, engine: Engine) -> None:
        """Raises OSError for certificates that cannot be read, PermissionError or ValueError for a keyring that cannot be used."""
        self._settings = settings
        self._engine = engine
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
        self._link = connect(
            f"dns:///{self._settings.control_address}", self._credentials, partial(_sender, self._engine)
        )
        leases = RemoteLeases(self._link)

        async def release(source: str) -> None:
            await leases.release(source, former.of(source))
            former.forget(source)

        controller = self._controller = RemoteController(
            self._link, LeasesAfterRecovery(leases, release, recovered), kept
        )
        self._watcher = Watcher(_id_of(self._engine), self._link, EngineForgets(self._engine), controller, kept)
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

    async def probe(self) -> None:
        """Raises Unavailable while the control plane is not heard."""
        if not self.is_heard:
            raise Unavailable(
                "The control plane is not heard: known keys and models are served by what was decided last, others get 503.",
                detail=f"HEADWORKS_CONTROL_ADDRESS is {self._settings.control_address}",
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
    """How the link is, as `/metrics` shows it."""

    def __init__(self, metrics: Metrics, remote: Remote) -> None:
        heard = Gauge(
            "headworks_control_heard", "Whether the control plane is heard: 1 or 0.", registry=metrics.registry
        )
        heard.set_function(lambda: remote.is_heard)
        revision = Gauge(
            "headworks_control_revision", "The last change that was heard of it.", registry=metrics.registry
        )
        revision.set_function(lambda: remote.revision)
        remembered = Gauge(
            "headworks_flows_from_memory",
            "Questions that were answered by what was known before.",
            registry=metrics.registry,
        )
        remembered.set_function(lambda: remote.from_memory)


def _sender(engine: Engine) -> Sender:
    spool = _spool_of(engine)
    return Sender(
        gateway=str(spool.get("source", "")), version=__version__, waiting_records=spool.get("unshipped_records")
    )


def _id_of(engine: Engine) -> str:
    return str(_spool_of(engine).get("source", ""))


def _spool_of(engine: Engine) -> dict[str, Any]:
    return json.loads(engine.status()).get("spool") or {}
