"""Service accounts of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from headworks.identity.adapters.sql.statements import (
    Sorting,
    add_rows,
    columns_of,
    read_one,
    read_page,
    replace_row,
    value_of,
)
from headworks.identity.adapters.tables import service_accounts
from headworks.identity.contracts import ServiceAccount
from headworks.identity.errors import NameInUse
from headworks.kernel.sorting import Order
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.adapters.sql.statements import Columns
    from headworks.identity.ports import ServiceAccountFilter
    from headworks.kernel.pagination import Page, PageRequest

_SORTING = Sorting(
    {name: service_accounts.c[name] for name in ("name", "role", "state", "created_at")},
    service_accounts.c.id,
    (Order("created_at"),),
)


class SqlServiceAccounts:
    """`ports.ServiceAccounts`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = service_accounts.c.organization_id == organization_id

    async def page(self, wanted: ServiceAccountFilter, page: PageRequest) -> Page[ServiceAccount]:
        """See `ports.ServiceAccounts`."""
        rows = select(service_accounts).where(self._within)
        if wanted.project_id is not None:
            rows = rows.where(service_accounts.c.project_id == wanted.project_id)
        if wanted.state is not None:
            rows = rows.where(service_accounts.c.state == wanted.state)
        return await read_page(self._connection, rows, page, _account, _SORTING)

    async def get(self, service_account_id: str) -> ServiceAccount | None:
        """See `ports.ServiceAccounts`."""
        wanted = select(service_accounts).where(self._within, service_accounts.c.id == service_account_id)
        return await read_one(self._connection, wanted, _account)

    async def add(self, account: ServiceAccount) -> None:
        """See `ports.ServiceAccounts`."""
        await add_rows(self._connection, service_accounts, [_named(account)], _taken(account))

    async def replace(self, account: ServiceAccount) -> None:
        """See `ports.ServiceAccounts`."""
        await replace_row(self._connection, service_accounts, _named(account), _taken(account), self._within)


def _account(row: RowMapping) -> ServiceAccount:
    return value_of(ServiceAccount, row)


def _named(account: ServiceAccount) -> Columns:
    return columns_of(account, name_key=comparable(account.name))


def _taken(account: ServiceAccount) -> NameInUse:
    return NameInUse("a service account", account.name)
