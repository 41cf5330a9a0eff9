"""The one place that knows concrete classes: which adapter fills which port, for each of the three loops.

The control plane's databases run on threads, so that a long report keeps nothing waiting. The controller and the shipper
have connections of their own, each in its own loop, where a look-up takes a tenth of the time (see
`kernel.database.inline`).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from headworks.audit.adapters.sql import SqlReader
from headworks.audit.ports import Trails
from headworks.bootstrap.hearing import Hearing
from headworks.bootstrap.intake import Intake
from headworks.bootstrap.leases import LeasesAcrossLives
from headworks.catalog.adapters.shipped import shipped_prices
from headworks.catalog.adapters.sql import SqlCatalogs
from headworks.catalog.adapters.tables import ANNOUNCEMENTS as CATALOG_ANNOUNCEMENTS
from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.catalog.adapters.tables import TRAIL as CATALOG_TRAIL
from headworks.catalog.adapters.tables import replies as catalog_replies
from headworks.catalog.adapters.vault import SealedVault
from headworks.catalog.contracts import CatalogChanged
from headworks.catalog.facade import CatalogFacade
from headworks.catalog.settings import CatalogSettings
from headworks.dataplane.flow import gateway_of
from headworks.gateway.adapters.remembered_keys import RememberedKeys
from headworks.gateway.adapters.remembered_windows import RememberedWindows
from headworks.gateway.adapters.sql import SqlRegister
from headworks.gateway.domain.roster import Roster
from headworks.gateway.ports import Neighbours, Register
from headworks.gateway.settings import GatewaySettings
from headworks.gateway.tasks import Controller
from headworks.identity.adapters.sealed import SealedInIdentity
from headworks.identity.adapters.sql import SqlStore as SqlIdentity
from headworks.identity.adapters.tables import ANNOUNCEMENTS as IDENTITY_ANNOUNCEMENTS
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.identity.adapters.tables import TRAIL as IDENTITY_TRAIL
from headworks.identity.adapters.tables import replies as identity_replies
from headworks.identity.facade import IdentityFacade
from headworks.identity.settings import SignInSettings, SsoSettings
from headworks.kernel.clock import now
from headworks.kernel.database import KeptTrailKeys, SqlTrailKeys
from headworks.kernel.database.replies import AllReplies, SqlReplies
from headworks.kernel.events import EventBus, MayHaveMissed
from headworks.kernel.secrets import Keyring
from headworks.kernel.strangers import Strangers
from headworks.kernel.versions import Editing
from headworks.ledger.adapters.sql import SqlLedger
from headworks.ledger.adapters.tables import ANNOUNCEMENTS as LEDGER_ANNOUNCEMENTS
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.ledger.adapters.tables import TRAIL as LEDGER_TRAIL
from headworks.ledger.adapters.tables import replies as ledger_replies
from headworks.ledger.contracts import BudgetChanged, MarkUpChanged
from headworks.ledger.facade import Bookkeeper, LedgerFacade
from headworks.ledger.settings import LedgerSettings
from headworks.ledger.tasks import Keeper
from headworks.limits.adapters.sql import SqlLimits
from headworks.limits.adapters.tables import ANNOUNCEMENTS as LIMITS_ANNOUNCEMENTS
from headworks.limits.adapters.tables import SCHEMA as LIMITS
from headworks.limits.adapters.tables import TRAIL as LIMITS_TRAIL
from headworks.limits.adapters.tables import replies as limits_replies
from headworks.limits.contracts import LimitsChanged
from headworks.limits.facade import LimitsFacade
from headworks.usage.adapters.sql import SqlStore as SqlUsage
from headworks.usage.adapters.sql.records import SqlRecordTables
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.facade import UsageFacade
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import Keeper as UsageKeeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from headworks.bootstrap.databases import Databases
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.rotation import Sealed
    from headworks.bootstrap.settings import Settings
    from headworks.gateway.ports import AsksShares
    from headworks.kernel.bus import Bus
    from headworks.kernel.database import Database, Trail
    from headworks.kernel.idempotency import Replies
    from headworks.usage.ports import UsageStore


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the loops share: it has no connection and belongs to no thread."""

    home: Home
    databases: Databases
    bus: EventBus
    keyring: Keyring
    environment: Mapping[str, str]
    """Where `env:` references look."""
    catalog_settings: CatalogSettings
    gateway_settings: GatewaySettings
    ledger_settings: LedgerSettings
    usage_settings: UsageSettings
    sign_in_settings: SignInSettings
    sso_settings: SsoSettings
    strangers: Strangers
    password_cost: int
    editing: Editing
    upkeep: bool
    """Whether this process does what is due by the clock."""

    def trail_keys(self, trail: Trail) -> SqlTrailKeys:
        """What signs a trail."""
        return SqlTrailKeys(trail.context, trail.keys, self.keyring.sealer)


@dataclass(frozen=True, slots=True)
class Container:
    """The control plane's parts, in the main loop."""

    foundation: Foundation
    databases: Mapping[str, Database]
    identity: IdentityFacade
    catalogs: SqlCatalogs
    vault: SealedVault
    catalog: CatalogFacade
    limits: SqlLimits
    usage: UsageStore
    ledger: SqlLedger
    keeper: Keeper
    usage_keeper: UsageKeeper
    trails: Trails
    sealed: Sequence[Sealed]
    """Every place that keeps secrets which the keyring seals."""
    replies: Replies
    roster: Roster
    """The gateways in other processes that ask this one."""
    register: Register
    """Those that ask any control plane."""
    queues: Bus | None
    """What travels between processes; None where nothing does."""

    async def close(self) -> None:
        """Close the databases and the connections to the broker."""
        await _close(self.databases.values())
        if self.queues is not None:
            await self.queues.close()


@dataclass(frozen=True, slots=True)
class ControllerParts:
    """The controller, what other gateways ask besides, and their databases, in the controller's loop."""

    controller: Controller
    budgets: LedgerFacade
    usage: UsageFacade
    databases: Sequence[Database]
    hearing: Hearing
    """What other processes change."""
    register: Register
    """Of gateways in other processes."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Controller]:
        """Until the block ends."""
        try:
            async with self.hearing.opened():
                yield self.controller
        finally:
            await _close(self.databases)

    async def settled(self, source: str, event_ids: Sequence[str]) -> bool:
        """The port `Releases`."""
        return await self.usage.settled(source, event_ids)

    async def release(self, source: str, life: str) -> int:
        """The port `Releases`."""
        return await self.budgets.release(source, life)


def lay_foundation(home: Home, settings: Settings, databases: Databases, environment: Mapping[str, str]) -> Foundation:
    """Raises PermissionError or ValueError when the keyring cannot be used."""
    catalog_settings = CatalogSettings(private_networks=settings.private_networks)
    gateway_settings = GatewaySettings(
        upstream_connect_ms=settings.upstream_connect_ms,
        upstream_first_byte_ms=settings.upstream_first_byte_ms,
        upstream_idle_ms=settings.upstream_idle_ms,
        upstream_total_ms=settings.upstream_total_ms,
    )
    sign_in_settings = SignInSettings(
        access_life=timedelta(seconds=settings.access_token_seconds),
        idle=timedelta(seconds=settings.session_idle_seconds),
        absolute=timedelta(seconds=settings.session_seconds),
        signing_key_life=timedelta(seconds=settings.signing_key_seconds),
        issuer=settings.token_issuer,
    )
    return Foundation(
        home=home,
        databases=databases,
        bus=EventBus(),
        keyring=Keyring(settings.keyring or home.keyring),
        environment=environment,
        catalog_settings=catalog_settings,
        gateway_settings=gateway_settings,
        ledger_settings=LedgerSettings(),
        usage_settings=UsageSettings(
            minute_hours=settings.usage_minute_hours,
            hour_days=settings.usage_hour_days,
            record_months=settings.usage_record_months,
            tag_values=settings.usage_tag_values,
            link_seconds=settings.objects_link_seconds,
        ),
        sign_in_settings=sign_in_settings,
        sso_settings=SsoSettings(private_networks=settings.private_networks, public_url=settings.public_url or ""),
        strangers=Strangers(
            settings.unknown_key_rate, settings.unknown_key_burst, counts_loopback=settings.unknown_key_loopback
        ),
        password_cost=settings.password_cost,
        editing=Editing(if_match_required=settings.require_if_match),
        upkeep=settings.upkeep,
    )


def build_container(foundation: Foundation, queues: Bus | None = None) -> Container:
    """The control plane's parts; they connect when they are first used."""
    databases, bus = foundation.databases, foundation.bus
    identity_database, catalog_database = databases.open(IDENTITY), databases.open(CATALOG)
    limits_database, usage_database = databases.open(LIMITS), databases.open(USAGE, takes_turns=False)
    vault = SealedVault(foundation.keyring.sealer, foundation.environment)
    identity_keys, catalog_keys = foundation.trail_keys(IDENTITY_TRAIL), foundation.trail_keys(CATALOG_TRAIL)
    limits_keys, ledger_keys = foundation.trail_keys(LIMITS_TRAIL), foundation.trail_keys(LEDGER_TRAIL)
    catalogs = SqlCatalogs(catalog_database, bus, catalog_keys)
    catalog = CatalogFacade(catalogs, vault, foundation.catalog_settings)
    _follow(catalog, bus)
    records = SqlRecordTables(foundation.usage_settings.tag_values)
    ledger = SqlLedger(usage_database, records, bus, ledger_keys)
    replies = (
        SqlReplies(identity_database, identity_replies, foundation.keyring.sealer, now),
        SqlReplies(catalog_database, catalog_replies, foundation.keyring.sealer, now),
        SqlReplies(limits_database, limits_replies, foundation.keyring.sealer, now),
        SqlReplies(usage_database, ledger_replies, foundation.keyring.sealer, now),
    )
    usage = SqlUsage(usage_database, Bookkeeper(ledger), foundation.usage_settings.tag_values)
    return Container(
        foundation=foundation,
        databases={
            "identity": identity_database,
            "catalog": catalog_database,
            "limits": limits_database,
            "usage": usage_database,
        },
        identity=IdentityFacade(SqlIdentity(identity_database, bus, identity_keys), now, foundation.keyring.sealer),
        catalogs=catalogs,
        vault=vault,
        catalog=catalog,
        limits=SqlLimits(limits_database, bus, limits_keys),
        usage=usage,
        ledger=ledger,
        keeper=Keeper(ledger, foundation.ledger_settings),
        usage_keeper=UsageKeeper(usage, foundation.usage_settings),
        trails=Trails(
            (
                SqlReader(identity_database, IDENTITY_TRAIL, identity_keys),
                SqlReader(catalog_database, CATALOG_TRAIL, catalog_keys),
                SqlReader(limits_database, LIMITS_TRAIL, limits_keys),
                SqlReader(usage_database, LEDGER_TRAIL, ledger_keys),
            )
        ),
        sealed=(
            catalog,
            SealedInIdentity(identity_database, foundation.keyring.sealer),
            KeptTrailKeys(identity_database, identity_keys),
            KeptTrailKeys(catalog_database, catalog_keys),
            KeptTrailKeys(limits_database, limits_keys),
            KeptTrailKeys(usage_database, ledger_keys),
            *replies,
        ),
        replies=AllReplies(replies),
        roster=Roster(),
        register=SqlRegister(
            catalog_database,
            lambda connection, change: CATALOG_TRAIL.append(connection, [change], catalog_keys, ""),
        ),
        queues=queues,
    )


def build_controller(
    foundation: Foundation, recovered: Future[None], shares: AsksShares | None = None
) -> ControllerParts:
    """The controller's parts, which read, and borrow from budgets; they belong to the loop that first asks the controller.

    `recovered`: see `LeasesAcrossLives`. `shares`: None where no other gateway counts the same limits.
    """
    identity, catalog, databases = _inline(foundation)
    # Not inline: to borrow is to write, and a writer may have to wait for another, which no other question must.
    usage_database = foundation.databases.open(USAGE, takes_turns=False)
    ledger = _ledger(foundation, usage_database)
    budgets = LedgerFacade(ledger, foundation.ledger_settings)
    limits_database = foundation.databases.open(LIMITS, inline=True)
    limits = LimitsFacade(SqlLimits(limits_database, foundation.bus, foundation.trail_keys(LIMITS_TRAIL)))
    bus = foundation.bus
    bus.subscribe(BudgetChanged, budgets.changed)
    bus.subscribe(MarkUpChanged, budgets.changed)
    bus.subscribe(LimitsChanged, limits.changed)
    bus.subscribe(MayHaveMissed, lambda _event: budgets.changed_somehow())
    bus.subscribe(MayHaveMissed, lambda _event: limits.changed_somehow())
    usage = UsageFacade(SqlUsage(usage_database, Bookkeeper(ledger), foundation.usage_settings.tag_values))
    settings = foundation.gateway_settings
    neighbours = Neighbours(
        keys=RememberedKeys(identity.find_key_by_hash, settings),
        secrets=identity.signing_secrets,
        models=catalog,
        limits=limits,
        windows=RememberedWindows(usage.used_in_window, recovered),
        budgets=budgets,
        leases=LeasesAcrossLives(budgets, lambda life: budgets.release(gateway_of(life), life), recovered),
    )
    kept = (*databases, limits_database, usage_database)
    sources = {
        schema.context: (database, announcements)
        for schema, database, announcements in zip(
            (IDENTITY, CATALOG, LIMITS, LEDGER),
            kept,
            (IDENTITY_ANNOUNCEMENTS, CATALOG_ANNOUNCEMENTS, LIMITS_ANNOUNCEMENTS, LEDGER_ANNOUNCEMENTS),
            strict=True,
        )
        if foundation.databases.is_shared(schema)
    }
    # Beside the catalog, whose writers take turns: to note gateways is to wait for nobody.
    register_database = foundation.databases.open(CATALOG, takes_turns=False)
    return ControllerParts(
        Controller(neighbours, settings, shares=shares),
        budgets,
        usage,
        (*kept, register_database),
        Hearing(sources, bus),
        SqlRegister(register_database),
    )


def build_intake(foundation: Foundation) -> Intake:
    """Where usage ends up; it belongs to the loop that first uses it."""
    identity, catalog, databases = _inline(foundation)
    # Usage of several gateways is stored side by side: what its statements do is the same in any order.
    usage_database = foundation.databases.open(USAGE, inline=True, takes_turns=False)
    ledger = _ledger(foundation, usage_database)
    usage = SqlUsage(usage_database, Bookkeeper(ledger), foundation.usage_settings.tag_values)
    return Intake(usage, catalog, identity.record_uses, (*databases, usage_database))


def _inline(foundation: Foundation) -> tuple[IdentityFacade, CatalogFacade, tuple[Database, ...]]:
    identity_database = foundation.databases.open(IDENTITY, inline=True)
    catalog_database = foundation.databases.open(CATALOG, inline=True)
    identity = IdentityFacade(
        SqlIdentity(identity_database, foundation.bus, foundation.trail_keys(IDENTITY_TRAIL)),
        now,
        foundation.keyring.sealer,
    )
    catalogs = SqlCatalogs(catalog_database, foundation.bus, foundation.trail_keys(CATALOG_TRAIL))
    vault = SealedVault(foundation.keyring.sealer, foundation.environment)
    catalog = CatalogFacade(catalogs, vault, foundation.catalog_settings)
    _follow(catalog, foundation.bus)
    return identity, catalog, (identity_database, catalog_database)


def _follow(catalog: CatalogFacade, bus: EventBus) -> None:
    bus.subscribe(CatalogChanged, catalog.changed)
    bus.subscribe(MayHaveMissed, lambda _event: catalog.changed(CatalogChanged(None)))


def _ledger(foundation: Foundation, usage_database: Database) -> SqlLedger:
    records = SqlRecordTables(foundation.usage_settings.tag_values)
    return SqlLedger(usage_database, records, foundation.bus, foundation.trail_keys(LEDGER_TRAIL))


async def furnish(container: Container, organization_id: str) -> None:
    """What every installation has: the demo model, and the shipped prices. Safe to repeat."""
    await container.catalog.offer_demo(organization_id)
    await container.catalog.load_shipped_prices(shipped_prices())


async def _close(databases: Iterable[Database]) -> None:
    for database in databases:
        await database.close()
