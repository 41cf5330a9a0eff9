"""What is done to an organisation's projects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import Project, ProjectChanged
from headworks.identity.domain import audited
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import NoSuchProject, WouldLockOut
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import ProjectState
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """What is to be different; None leaves it."""

    name: str | None = None
    state: ProjectState | None = None
    expected_version: int | None = None


async def create_project(unit: Unit, name: str, at: datetime) -> Project:
    """Raises Invalid, NameInUse."""
    made = Project(new_id("prj"), unit.organization_id, checked_name("name", name), at)
    await unit.projects.add(made)
    unit.audit(audited.change("created", None, made))
    return made


async def change_project(unit: Unit, caller: Principal, project_id: str, change: ProjectChange) -> Project:
    """Rename it, archive it or take it back. Raises NoSuchProject, Invalid, NameInUse, Stale, WouldLockOut."""
    found = await unit.projects.get(project_id)
    if found is None:
        raise NoSuchProject(f"There is no project {project_id!r} in your organisation.")
    check_version(change.expected_version, found.version)
    changed = replace(
        found,
        name=found.name if change.name is None else checked_name("name", change.name),
        state=found.state if change.state is None else change.state,
    )
    if changed == found:
        return found
    if changed.state == "archived" and caller.key_id is not None and caller.project_id == found.id:
        raise WouldLockOut(
            "Your own key belongs to this project, and would stop working. Use a key of another project."
        )
    changed = replace(changed, version=found.version + 1)
    await unit.projects.replace(changed)
    if changed.state != found.state:
        unit.publish(ProjectChanged(unit.organization_id, found.id))
    unit.audit(audited.change("changed", found, changed))
    return changed
