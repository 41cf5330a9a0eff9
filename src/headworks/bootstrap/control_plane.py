"""The management API as an application.

Importing this loads FastAPI: half a second that the entry point spends behind the open door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.audit.ports import Trails
from headworks.bootstrap.app import build_app
from headworks.bootstrap.dead_letters import DeadLetters
from headworks.bootstrap.health import Health
from headworks.bootstrap.hearing import HearingMetrics
from headworks.bootstrap.landing import Describe
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.operations import Installation
from headworks.bootstrap.rotation import Rotation
from headworks.bootstrap.scopes import KnownScopes
from headworks.bootstrap.single_sign_on import single_sign_on
from headworks.bootstrap.upkeep import show_upkeep
from headworks.bootstrap.usage import EngineBacklog, WhoIsWho
from headworks.catalog.ports import Catalogs, Vault
from headworks.catalog.settings import CatalogSettings
from headworks.gateway.ports import Holdings, Register
from headworks.identity.ports import Store as IdentityStore
from headworks.kernel.clock import now
from headworks.kernel.objects import Objects
from headworks.kernel.secrets import Sealer
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.versions import Editing
from headworks.kernel.web import Once, Surroundings
from headworks.ledger.facade import LedgerFacade
from headworks.ledger.ports import Ledger, Prices, ScopeNames
from headworks.ledger.settings import LedgerSettings
from headworks.limits.ports import LimitStore, Scopes
from headworks.usage.adapters.parquet import ArrowTables
from headworks.usage.ports import Backlog, Names, Tables, UsageStore
from headworks.usage.settings import UsageSettings

if TYPE_CHECKING:
    from headworks.bootstrap.container import Container
    from headworks.bootstrap.hearing import Hearing
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.sign_in import SignInParts
    from headworks.bootstrap.welcome import Welcome


def management_app(
    container: Container,
    sign_in: SignInParts,
    health: Health,
    welcome: Welcome,
    home: Home,
    hearing: Hearing | None = None,
    objects: Objects | None = None,
) -> Surroundings:
    """The management API with what its routes ask for, and with request ids, limits and metrics around it."""
    metrics = Metrics()
    if container.foundation.upkeep:
        show_upkeep(metrics, container)
    if hearing is not None:
        HearingMetrics(metrics, hearing)
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
        Objects: objects,
        UsageSettings: container.foundation.usage_settings,
        Ledger: container.ledger,
        Prices: container.catalog,
        ScopeNames: scopes,
        LedgerSettings: container.foundation.ledger_settings,
        Trails: container.trails,
        Rotation: Rotation(container.foundation.keyring, container.sealed, container.catalog.note),
        Register: container.register,
        Holdings: LedgerFacade(container.ledger, container.foundation.ledger_settings),
        DeadLetters: DeadLetters(container.queues, TOPOLOGY, container.catalog.note),
        Health: health,
        Metrics: metrics,
        Installation: Installation(now(), str(home.path), welcome.endpoint),
        Describe: welcome,
    }
    return Surroundings(build_app(provisions), HttpMetrics(metrics))
