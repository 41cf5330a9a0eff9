"""Organisations and projects."""

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
from headworks.identity.adapters.tables import organizations, projects
from headworks.identity.contracts import Organization, Project
from headworks.identity.errors import NameInUse
from headworks.kernel.sorting import Order
from headworks.kernel.text import comparable

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.identity.adapters.sql.statements import Columns
    from headworks.kernel.pagination import Page, PageRequest

_ORGANIZATIONS, _PROJECTS = (
    Sorting(
        {"name": table.c.name, "state": table.c.state, "created_at": table.c.created_at},
        table.c.id,
        (Order("created_at"),),
    )
    for table in (organizations, projects)
)


class SqlOrganizations:
    """`ports.Organizations`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, page: PageRequest) -> Page[Organization]:
        """See `ports.Organizations`."""
        return await read_page(self._connection, select(organizations), page, _organization, _ORGANIZATIONS)

    async def get(self, organization_id: str) -> Organization | None:
        """See `ports.Organizations`."""
        wanted = select(organizations).where(organizations.c.id == organization_id)
        return await read_one(self._connection, wanted, _organization)

    async def named(self, name: str) -> Organization | None:
        """See `ports.Organizations`."""
        wanted = select(organizations).where(organizations.c.name_key == comparable(name))
        return await read_one(self._connection, wanted, _organization)

    async def add(self, organization: Organization) -> None:
        """See `ports.Organizations`."""
        await add_rows(self._connection, organizations, [_named(organization)], _taken(organization))

    async def replace(self, organization: Organization) -> None:
        """See `ports.Organizations`."""
        await replace_row(self._connection, organizations, _named(organization), _taken(organization))


class SqlProjects:
    """`ports.Projects`."""

    def __init__(self, connection: AsyncConnection, organization_id: str) -> None:
        self._connection = connection
        self._within = projects.c.organization_id == organization_id

    async def page(self, page: PageRequest) -> Page[Project]:
        """See `ports.Projects`."""
        return await read_page(self._connection, select(projects).where(self._within), page, _project, _PROJECTS)

    async def get(self, project_id: str) -> Project | None:
        """See `ports.Projects`."""
        wanted = select(projects).where(self._within, projects.c.id == project_id)
        return await read_one(self._connection, wanted, _project)

    async def oldest(self) -> Project | None:
        """See `ports.Projects`."""
        wanted = select(projects).where(self._within).order_by(projects.c.created_at, projects.c.id).limit(1)
        return await read_one(self._connection, wanted, _project)

    async def add(self, project: Project) -> None:
        """See `ports.Projects`."""
        await add_rows(self._connection, projects, [_named(project)], _taken(project))

    async def replace(self, project: Project) -> None:
        """See `ports.Projects`."""
        await replace_row(self._connection, projects, _named(project), _taken(project), self._within)


def _organization(row: RowMapping) -> Organization:
    return value_of(Organization, row)


def _project(row: RowMapping) -> Project:
    return value_of(Project, row)


def _named(place: Organization | Project) -> Columns:
    return columns_of(place, name_key=comparable(place.name))


def _taken(place: Organization | Project) -> NameInUse:
    return NameInUse("an organisation" if isinstance(place, Organization) else "a project", place.name)
