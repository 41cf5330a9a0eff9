"""Which organisations and projects there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.errors import NoSuchProject, OrganizationNotFound
from headworks.kernel.pagination import Page

if TYPE_CHECKING:
    from headworks.identity.contracts import Organization, Project
    from headworks.identity.ports import Reading, Store
    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.principal import Principal


async def list_organizations(store: Store, caller: Principal, page: PageRequest) -> Page[Organization]:
    """The caller's own; all of them for an operator."""
    if caller.may("installation:operate"):
        async with store.overlook() as overview:
            return await overview.organizations.page(page)
    async with store.read(caller.organization_id) as reading:
        own = await reading.organization()
    found = [] if own is None else [own]
    return Page(found[page.offset : page.offset + page.per_page], len(found), page)


async def show_organization(store: Store, caller: Principal, organization_id: str) -> Organization:
    """The caller's own, or any for an operator. Raises OrganizationNotFound."""
    found: Organization | None
    if caller.may("installation:operate"):
        async with store.overlook() as overview:
            found = await overview.organizations.get(organization_id)
    else:
        async with store.read(caller.organization_id) as reading:
            found = await reading.organization()
    if found is None or found.id != organization_id:
        raise OrganizationNotFound(f"There is no organisation {organization_id!r} that you may see.")
    return found


async def show_project(reading: Reading, project_id: str) -> Project:
    """Raises NoSuchProject."""
    found = await reading.projects.get(project_id)
    if found is None:
        raise NoSuchProject(f"There is no project {project_id!r} in your organisation.")
    return found
