"""The control plane's server: the management API on a Unix socket that only the engine is told of.

Importing this loads FastAPI and uvicorn: half a second that the entry point spends behind the open door.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from headworks.audit.ports import Trails
from headworks.bootstrap.app import build_app
from headworks.bootstrap.health import Health
from headworks.bootstrap.landing import Describe
from headworks.bootstrap.ledger import LedgerMetrics
from headworks.bootstrap.operations import Installation
from headworks.bootstrap.rotation import Rotation
from headworks.bootstrap.scopes import KnownScopes
from headworks.bootstrap.single_sign_on import single_sign_on
from headworks.bootstrap.usage import EngineBacklog, UsageMetrics, WhoIsWho
from headworks.catalog.ports import Catalogs, Vault
from headworks.catalog.settings import CatalogSettings
from headworks.identity.ports import Store as IdentityStore
from headworks.kernel.clock import now
from headworks.kernel.secrets import Sealer
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.versions import Editing
from headworks.kernel.web import Once, Surroundings
from headworks.ledger.ports import Ledger, Prices, ScopeNames
from headworks.ledger.settings import LedgerSettings
from headworks.limits.ports import LimitStore, Scopes
from headworks.usage.adapters.parquet import ArrowTables
from headworks.usage.ports import Backlog, Names, Tables, UsageStore
from headworks.usage.settings import UsageSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from headworks.bootstrap.container import Container
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.sign_in import SignInParts
    from headworks.bootstrap.welcome import Welcome

_BACKLOG = 512
_KEEP_ALIVE_SECONDS = 300
"""Longer than the engine keeps a connection that it does not use, so that it never meets one that is closing."""
_STOP_SECONDS = 5


def management_app(
    container: Container, sign_in: SignInParts, health: Health, welcome: Welcome, home: Home
) -> Surroundings:
    """The management API with what its routes ask for, and with request ids, limits and metrics around it."""
    metrics = Metrics()
    LedgerMetrics(metrics, container.keeper)
    UsageMetrics(metrics, container.usage_keeper)
    scopes = KnownScopes(container.identity, container.catalog)
    provisions: dict[type, object] = {
        **sign_in.provisions(),
        **single_sign_on(container, sign_in),
        IdentityStore: container.identity.store,
        Catalogs: container.catalogs,
        Vault: container.vault,
        Sealer: container.foundation.keyring.sealer,
        CatalogSettings: container.foundation.catalog_settings,
        Editing: container.foundation.editing,
        Once: Once(container.replies),
        LimitStore: container.limits,
        Scopes: scopes,
        UsageStore: container.usage,
        Names: WhoIsWho(container.identity, container.catalogs),
        Backlog: EngineBacklog(health.engine),
        Tables: ArrowTables(),
        UsageSettings: container.foundation.usage_settings,
        Ledger: container.ledger,
        Prices: container.catalog,
        ScopeNames: scopes,
        LedgerSettings: container.foundation.ledger_settings,
        Trails: container.trails,
        Rotation: Rotation(container.foundation.keyring, container.sealed, container.catalog.note),
        Health: health,
        Metrics: metrics,
        Installation: Installation(now(), str(home.path), welcome.endpoint),
        Describe: welcome,
    }
    return Surroundings(build_app(provisions), HttpMetrics(metrics))


class ControlPlane:
    """Serves an application on a Unix socket, from `start` to `stop`."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = _Server(config)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The process's umask makes it 0600; the folder around it is 0700.
        self._socket.bind(str(path))
        self._socket.listen(_BACKLOG)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to serve. The task ends when it stops, and not before."""
        self._serving = asyncio.create_task(self._server.serve([self._socket]), name="control plane")
        return self._serving

    async def stop(self) -> None:
        """Finish what is being answered, and end."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: the entry point drains the front door first."""
        yield
