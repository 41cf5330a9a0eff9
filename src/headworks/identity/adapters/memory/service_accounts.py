"""Service accounts of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, refuse_twins, replace
from headworks.identity.errors import NameInUse
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import ServiceAccount
    from headworks.identity.ports import ServiceAccountFilter
    from headworks.kernel.pagination import Page, PageRequest


class MemoryServiceAccounts:
    """`ports.ServiceAccounts`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.service_accounts
        self._organization_id = organization_id

    async def page(self, wanted: ServiceAccountFilter, page: PageRequest) -> Page[ServiceAccount]:
        """See `ports.ServiceAccounts`."""
        found = [
            one
            for one in sorted(self._own(), key=lambda one: (one.created_at, one.id))
            if wanted.project_id in (None, one.project_id) and wanted.state in (None, one.state)
        ]
        return page_of(found, page, "created_at")

    async def get(self, service_account_id: str) -> ServiceAccount | None:
        """See `ports.ServiceAccounts`."""
        return next((one for one in self._own() if one.id == service_account_id), None)

    async def add(self, account: ServiceAccount) -> None:
        """See `ports.ServiceAccounts`."""
        self._refuse_twins(account)
        self._table[account.id] = account

    async def replace(self, account: ServiceAccount) -> None:
        """See `ports.ServiceAccounts`."""
        self._refuse_twins(account)
        replace(self._table, account)

    def _own(self) -> list[ServiceAccount]:
        return [one for one in self._table.values() if one.organization_id == self._organization_id]

    def _refuse_twins(self, account: ServiceAccount) -> None:
        there = NameInUse("a service account", account.name)
        refuse_twins(self._table, account, lambda one: (one.organization_id, comparable(one.name)), there)
