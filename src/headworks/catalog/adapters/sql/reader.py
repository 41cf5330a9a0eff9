"""Reads of one organisation's catalog. Every statement names the organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import or_, select

from headworks.catalog.adapters.sql.rows import models_of, price_of, provider_of
from headworks.catalog.adapters.tables import deployments, model_targets, models, prices, providers, revisions
from headworks.catalog.contracts import SHIPPED, Deployment

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.catalog.contracts import Model, Price, Provider

_AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"


class SqlReader:
    """The port `CatalogReader` on an open connection."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self.organization_id = organization_id

    async def revision(self) -> int:
        """0 for a catalog that nobody has written to."""
        found = await self._connection.scalar(
            select(revisions.c.revision).where(revisions.c.scope == self.organization_id)
        )
        return found or 0

    async def providers(self) -> list[Provider]:
        """Those in use, by name."""
        rows = await self._rows(self._providers().order_by(providers.c.name))
        return [provider_of(row) for row in rows]

    async def provider(self, provider_id: str) -> Provider | None:
        """By id."""
        return await self._provider(providers.c.id == provider_id)

    async def provider_named(self, name: str) -> Provider | None:
        """By name."""
        return await self._provider(providers.c.name == name)

    async def deployments(self, provider_id: str | None = None) -> list[Deployment]:
        """By upstream model, then age."""
        wanted = self._deployments().order_by(deployments.c.upstream_model, deployments.c.id)
        if provider_id is not None:
            wanted = wanted.where(deployments.c.provider_id == provider_id)
        return [Deployment(*row) for row in await self._connection.execute(wanted)]

    async def deployment(self, deployment_id: str) -> Deployment | None:
        """By id."""
        return await self._deployment(self._deployments().where(deployments.c.id == deployment_id))

    async def deployment_of(self, provider_id: str, upstream_model: str) -> Deployment | None:
        """By provider and upstream model."""
        wanted = self._deployments().where(
            deployments.c.provider_id == provider_id, deployments.c.upstream_model == upstream_model
        )
        return await self._deployment(wanted)

    async def models(self) -> list[Model]:
        """By alias."""
        return await self._models(models.c.organization_id == self.organization_id)

    async def model(self, model_id: str) -> Model | None:
        """By id."""
        found = await self._models(models.c.organization_id == self.organization_id, models.c.id == model_id)
        return found[0] if found else None

    async def model_named(self, alias: str) -> Model | None:
        """By alias."""
        found = await self._models(models.c.organization_id == self.organization_id, models.c.alias == alias)
        return found[0] if found else None

    async def prices(self) -> list[Price]:
        """By provider, model and `valid_from`; the organisation's own and the shipped ones."""
        rows = await self._rows(
            self._prices().order_by(prices.c.provider, prices.c.model, prices.c.valid_from, prices.c.owner)
        )
        return [price_of(row) for row in rows]

    async def price(self, price_id: str) -> Price | None:
        """By id."""
        row = await self._row(self._prices().where(prices.c.id == price_id))
        return price_of(row) if row else None

    def _providers(self) -> _AnySelect:
        return select(providers).where(providers.c.organization_id == self.organization_id, providers.c.live.is_(True))

    def _deployments(self) -> _AnySelect:
        # By the names of the fields, so that a row is the arguments: there may be thousands.
        columns = (deployments.c[field] for field in Deployment.__slots__)
        return select(*columns).where(deployments.c.organization_id == self.organization_id)

    def _prices(self) -> _AnySelect:
        return select(prices).where(or_(prices.c.owner == self.organization_id, prices.c.owner == SHIPPED))

    async def _provider(self, condition: ColumnElement[bool]) -> Provider | None:
        row = await self._row(self._providers().where(condition))
        return provider_of(row) if row else None

    async def _deployment(self, wanted: _AnySelect) -> Deployment | None:
        row = (await self._connection.execute(wanted)).first()
        return Deployment(*row) if row else None

    async def _models(self, *conditions: ColumnElement[bool]) -> list[Model]:
        found = await self._rows(select(models).where(*conditions).order_by(models.c.alias))
        targets = await self._rows(
            select(model_targets)
            .join(models, models.c.id == model_targets.c.model_id)
            .where(*conditions)
            .order_by(model_targets.c.model_id, model_targets.c.position)
        )
        return models_of(found, targets)

    async def _rows(self, statement: _AnySelect) -> list[RowMapping]:
        return list((await self._connection.execute(statement)).mappings())

    async def _row(self, statement: _AnySelect) -> RowMapping | None:
        return (await self._connection.execute(statement)).mappings().first()
