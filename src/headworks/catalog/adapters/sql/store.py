"""Writes to one organisation's catalog, within a transaction that `catalogs.py` opens and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, insert, literal, update
from sqlalchemy.exc import IntegrityError

from headworks.catalog.adapters.sql.reader import SqlReader
from headworks.catalog.adapters.sql.rows import (
    deployment_columns,
    model_columns,
    price_columns,
    provider_columns,
    target_rows,
)
from headworks.catalog.adapters.tables import deployments, model_targets, models, prices, providers
from headworks.catalog.errors import NameTaken
from headworks.kernel.errors import Stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Executable, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.catalog.adapters.sql.rows import Columns
    from headworks.catalog.contracts import Deployment, Model, Price, Provider
    from headworks.kernel.audit import Change

_REMOVE_DEPLOYMENT = delete(deployments).where(
    deployments.c.id == bindparam("gone"), deployments.c.organization_id == bindparam("owner")
)


class SqlStore(SqlReader):
    """The port `CatalogStore` on an open transaction."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        super().__init__(connection, organization_id)
        self.changed = False
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    async def add_provider(self, provider: Provider) -> None:
        """Raises NameTaken."""
        await self._add(insert(providers), [provider_columns(provider)], "name")

    async def change_provider(self, provider: Provider) -> None:
        """By its id."""
        await self._replace(providers, provider_columns(provider))

    async def retire_provider(self, provider_id: str, at: datetime) -> None:
        """Keep the name and address for rating; forget the credential."""
        retired = {
            "live": None,
            "retired_at": at,
            "credential_kind": None,
            "credential_sealed": None,
            "credential_reference": None,
            "credential_last4": None,
        }
        await self._write(update(providers).where(self._mine(providers, provider_id)).values(retired))

    async def add_deployments(self, deployments_: Sequence[Deployment]) -> None:
        """Raises NameTaken."""
        await self._add(insert(deployments), [deployment_columns(one) for one in deployments_], "upstream_model")

    async def change_deployment(self, deployment: Deployment) -> None:
        """By its id."""
        await self._replace(deployments, deployment_columns(deployment))

    async def remove_deployments(self, deployment_ids: Iterable[str]) -> None:
        """Those that are this organisation's."""
        gone: list[Columns] = [
            {"gone": deployment_id, "owner": self.organization_id} for deployment_id in deployment_ids
        ]
        if gone:
            await self._write(_REMOVE_DEPLOYMENT, gone)

    async def add_model(self, model: Model) -> None:
        """Raises NameTaken."""
        await self._add(insert(models), [model_columns(model)], "alias")
        await self._write(insert(model_targets), target_rows(model))

    async def change_model(self, model: Model) -> None:
        """By its id, with its targets."""
        await self._replace(models, model_columns(model))
        await self._write(delete(model_targets).where(model_targets.c.model_id == model.id))
        await self._write(insert(model_targets), target_rows(model))

    async def remove_model(self, model_id: str) -> None:
        """With its targets."""
        await self._write(delete(model_targets).where(model_targets.c.model_id == model_id))
        await self._write(delete(models).where(self._mine(models, model_id)))

    async def add_prices(self, prices_: Sequence[Price]) -> None:
        """Raises NameTaken when one begins at the same moment as another of its model."""
        await self._add(insert(prices), [price_columns(price) for price in prices_], "valid_from")

    async def end_price(self, price_id: str, valid_to: datetime) -> None:
        """From then on another holds."""
        await self._write(
            update(prices)
            .where(prices.c.id == price_id, prices.c.owner == self.organization_id)
            .values(valid_to=valid_to, version=prices.c.version + 1)
        )

    async def remove_price(self, price_id: str) -> None:
        """One of the organisation's own."""
        await self._write(delete(prices).where(prices.c.id == price_id, prices.c.owner == self.organization_id))

    def _mine(self, table: Table, row_id: str) -> ColumnElement[bool]:
        return and_(table.c.id == row_id, table.c.organization_id == self.organization_id)

    async def _replace(self, table: Table, row: Columns) -> None:
        """Overwrite the row with this id, if its version is the one before."""
        before = and_(self._mine(table, str(row["id"])), table.c.version == literal(row["version"]) - 1)
        done = await self._connection.execute(update(table).where(before).values(row))
        if done.rowcount != 1:
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )
        self.changed = True

    async def _add(self, statement: Executable, rows: list[Columns], field: str) -> None:
        try:
            await self._write(statement, rows)
        except IntegrityError as error:
            raise NameTaken(field, "somebody else has just taken it; look again") from error

    async def _write(self, statement: Executable, rows: list[Columns] | None = None) -> None:
        await self._connection.execute(statement, rows)
        self.changed = True
