"""What is done to service accounts: who programs are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import ServiceAccount, ServiceAccountChanged
from headworks.identity.domain import audited
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import NotActive, ProjectNotFound, ServiceAccountNotFound, WouldLockOut
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import Role, State
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class ServiceAccountOrder:
    """The account that somebody wants."""

    name: str
    role: Role = "viewer"
    project_id: str | None = None
    """None for the creator's, else the organisation's first."""


@dataclass(frozen=True, slots=True)
class ServiceAccountChange:
    """What is to be different; None leaves it."""

    name: str | None = None
    role: Role | None = None
    state: State | None = None
    expected_version: int | None = None


async def create_service_account(
    unit: Unit, caller: Principal, order: ServiceAccountOrder, at: datetime
) -> ServiceAccount:
    """Raises Invalid, ProjectNotFound, NotActive, NameInUse, MoreThanOwnRights."""
    check_role(permissions_of(order.role), caller, "make a service account of")
    wanted = order.project_id or caller.project_id
    project = await unit.projects.oldest() if wanted is None else await unit.projects.get(wanted)
    if project is None:
        raise ProjectNotFound(f"project_id: there is no project {wanted!r} in your organisation.")
    if project.state != "active":
        raise NotActive(f"The project {project.name!r} is archived; take it back, or name another one.")
    name = checked_name("name", order.name)
    made = ServiceAccount(new_id("sva"), unit.organization_id, project.id, name, order.role, at, caller.id)
    await unit.service_accounts.add(made)
    unit.audit(audited.change("created", None, made))
    return made


async def change_service_account(
    unit: Unit, caller: Principal, service_account_id: str, change: ServiceAccountChange
) -> ServiceAccount:
    """Raises ServiceAccountNotFound, Invalid, NameInUse, MoreThanOwnRights, Stale, WouldLockOut."""
    found = await unit.service_accounts.get(service_account_id)
    if found is None:
        raise ServiceAccountNotFound(f"There is no service account {service_account_id!r} in your organisation.")
    check_version(change.expected_version, found.version)
    check_role(permissions_of(found.role), caller, "change")
    changed = replace(
        found,
        name=found.name if change.name is None else checked_name("name", change.name),
        role=found.role if change.role is None else change.role,
        state=found.state if change.state is None else change.state,
    )
    if changed == found:
        return found
    check_role(permissions_of(changed.role), caller, "make a service account of")
    if changed.state == "disabled" and caller.id == found.id:
        raise WouldLockOut("You act as this service account yourself.")
    changed = replace(changed, version=found.version + 1)
    await unit.service_accounts.replace(changed)
    if (changed.state, changed.role) != (found.state, found.role):
        unit.publish(ServiceAccountChanged(unit.organization_id, found.id))
    unit.audit(audited.change("changed", found, changed))
    return changed
