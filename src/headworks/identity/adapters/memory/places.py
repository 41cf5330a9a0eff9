"""Organisations and projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.memory.tables import page_of, refuse_twins, replace
from headworks.identity.errors import NameInUse
from headworks.kernel.pagination import PageRequest
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from headworks.identity.adapters.memory.tables import Tables
    from headworks.identity.contracts import Organization, Project
    from headworks.kernel.pagination import Page


class MemoryOrganizations:
    """`ports.Organizations`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.organizations

    async def page(self, page: PageRequest) -> Page[Organization]:
        """See `ports.Organizations`."""
        return page_of(self._table.values(), page, "created_at")

    async def get(self, organization_id: str) -> Organization | None:
        """See `ports.Organizations`."""
        return self._table.get(organization_id)

    async def named(self, name: str) -> Organization | None:
        """See `ports.Organizations`."""
        every = self._table.values()
        return next((one for one in every if comparable(one.name) == comparable(name)), None)

    async def add(self, organization: Organization) -> None:
        """See `ports.Organizations`."""
        self._refuse_twins(organization)
        self._table[organization.id] = organization

    async def replace(self, organization: Organization) -> None:
        """See `ports.Organizations`."""
        self._refuse_twins(organization)
        replace(self._table, organization)

    def _refuse_twins(self, organization: Organization) -> None:
        there = NameInUse("an organisation", organization.name)
        refuse_twins(self._table, organization, lambda one: comparable(one.name), there)


class MemoryProjects:
    """`ports.Projects`."""

    def __init__(self, tables: Tables, organization_id: str) -> None:
        self._table = tables.projects
        self._organization_id = organization_id

    async def page(self, page: PageRequest) -> Page[Project]:
        """See `ports.Projects`."""
        own = [one for one in self._table.values() if one.organization_id == self._organization_id]
        return page_of(own, page, "created_at")

    async def get(self, project_id: str) -> Project | None:
        """See `ports.Projects`."""
        found = self._table.get(project_id)
        return found if found is not None and found.organization_id == self._organization_id else None

    async def oldest(self) -> Project | None:
        """See `ports.Projects`."""
        return next(iter((await self.page(PageRequest(per_page=1))).items), None)

    async def add(self, project: Project) -> None:
        """See `ports.Projects`."""
        self._refuse_twins(project)
        self._table[project.id] = project

    async def replace(self, project: Project) -> None:
        """See `ports.Projects`."""
        self._refuse_twins(project)
        replace(self._table, project)

    def _refuse_twins(self, project: Project) -> None:
        there = NameInUse("a project", project.name)
        refuse_twins(self._table, project, lambda one: (one.organization_id, comparable(one.name)), there)
