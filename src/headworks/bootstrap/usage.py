"""What usage is given from elsewhere: names beside ids, how far the spool is behind, and where its figures show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.catalog.contracts import INSTALLATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.bootstrap.health import EngineView
    from headworks.catalog.ports import Catalogs
    from headworks.identity.facade import IdentityFacade
    from headworks.kernel.telemetry.metrics import Metrics
    from headworks.usage.tasks import Keeper


@dataclass(frozen=True, slots=True)
class WhoIsWho:
    """Usage's port `Names`."""

    identity: IdentityFacade
    catalogs: Catalogs

    async def names(self, organization_id: str | None, dimension: str, ids: frozenset[str]) -> dict[str, str]:
        """Raises Unavailable."""
        if dimension == "organization":
            return await self._organizations(ids)
        if organization_id is None:
            return {}
        if dimension == "key":
            return await self.identity.key_names(organization_id, ids)
        if dimension == "provider":
            return await self._providers(organization_id, ids)
        async with self.identity.store.read(organization_id) as reading:
            if dimension == "user":
                members = await reading.members.of_users(ids)
                return {user_id: member.user.name or member.user.email for user_id, member in members.items()}
            projects = [await reading.projects.get(project_id) for project_id in sorted(ids)]
        return {project.id: project.name for project in projects if project is not None}

    async def _organizations(self, ids: frozenset[str]) -> dict[str, str]:
        async with self.identity.store.overlook() as overview:
            found = [await overview.organizations.get(organization_id) for organization_id in sorted(ids)]
        return {one.id: one.name for one in found if one is not None}

    async def _providers(self, organization_id: str, ids: frozenset[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for owner in (INSTALLATION, organization_id):
            async with self.catalogs.reading(owner) as catalog:
                names.update((provider.id, provider.name) for provider in await catalog.providers())
        return {provider_id: name for provider_id, name in names.items() if provider_id in ids}


@dataclass(frozen=True, slots=True)
class EngineBacklog:
    """Usage's port `Backlog`."""

    engine: EngineView

    def waiting(self) -> int | None:
        """As the engine says."""
        status: Mapping[str, object] = json.loads(self.engine.status())
        spool = status.get("spool")
        waiting = spool.get("unshipped_records") if isinstance(spool, dict) else None
        return waiting if isinstance(waiting, int) else None


class UsageMetrics:
    """How roll-ups stand beside their records."""

    def __init__(self, metrics: Metrics, keeper: Keeper) -> None:
        metrics.show(
            "headworks_usage_wrong_sums",
            "Sums of usage by minute, hour and day that were not what the records say, when they were compared: zero.",
            lambda: keeper.compared.wrong,
        )
        metrics.show(
            "headworks_usage_difference_nanodollars",
            "By how much the charges among them were off, all together: zero.",
            lambda: keeper.compared.nanodollars,
        )
        metrics.show(
            "headworks_usage_compared_sums",
            "How many sums were compared since the start.",
            lambda: keeper.compared.sums,
        )
        metrics.show(
            "headworks_usage_pending_days", "Days whose sums are being made anew.", lambda: keeper.days_pending
        )
        metrics.show(
            "headworks_usage_rejected_events",
            "Usage events that could not be stored, and were put aside with the reason: zero.",
            lambda: keeper.rejected,
        )
        metrics.show(
            "headworks_usage_kept_from_seconds",
            "Since when usage records are kept, in seconds since 1970; 0 for ever.",
            lambda: keeper.kept_from_s,
        )
