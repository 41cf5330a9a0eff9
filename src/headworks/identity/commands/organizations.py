"""What operators do to organisations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import Organization, OrganizationChanged, Project
from headworks.identity.domain import audited
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import OrganizationNotFound, WouldLockOut
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import State
    from headworks.identity.ports import Installation
    from headworks.kernel.principal import Principal

FIRST_PROJECT = "Default"


@dataclass(frozen=True, slots=True)
class OrganizationChange:
    """What is to be different; None leaves it."""

    name: str | None = None
    state: State | None = None
    expected_version: int | None = None


async def create_organization(unit: Installation, name: str, at: datetime) -> Organization:
    """An organisation with a project to begin in. Raises Invalid, NameInUse."""
    made = Organization(new_id("org"), checked_name("name", name), at)
    await unit.organizations.add(made)
    unit.audit(audited.change("created", None, made))
    project = Project(new_id("prj"), made.id, FIRST_PROJECT, at)
    await unit.within(made.id).projects.add(project)
    unit.audit(audited.change("created", None, project))
    return made


async def change_organization(
    unit: Installation, caller: Principal, organization_id: str, change: OrganizationChange
) -> Organization:
    """Rename it, disable it or enable it. Raises OrganizationNotFound, Invalid, NameInUse, Stale, WouldLockOut."""
    found = await unit.organizations.get(organization_id)
    if found is None:
        raise OrganizationNotFound(f"There is no organisation {organization_id!r}.")
    check_version(change.expected_version, found.version)
    changed = replace(
        found,
        name=found.name if change.name is None else checked_name("name", change.name),
        state=found.state if change.state is None else change.state,
    )
    if changed == found:
        return found
    if changed.state == "disabled" and caller.organization_id == found.id:
        raise WouldLockOut("You act in this organisation yourself. Act in another one, and disable it from there.")
    changed = replace(changed, version=found.version + 1)
    await unit.organizations.replace(changed)
    if changed.state != found.state:
        unit.publish(OrganizationChanged(found.id))
    unit.audit(audited.change("changed", found, changed))
    return changed
