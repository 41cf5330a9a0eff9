"""The first start: an organisation, a project, an operator and the first keys, so that somebody can begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.commands.keys import KeyOrder, create_key
from headworks.identity.contracts import Membership, Organization, Project, User
from headworks.identity.domain import audited
from headworks.identity.domain.emails import check_email, email_key
from headworks.kernel.ids import new_id
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.commands.keys import IssuedKey
    from headworks.identity.ports import Installation
    from headworks.kernel.secrets import Secret

_ONE = PageRequest(per_page=1)


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """What the first start made."""

    inference: Secret
    management: Secret


async def find_founder(unit: Installation, at: datetime) -> tuple[Principal, bool]:
    """Who makes the first keys, and whether the installation is new: then it gets its organisation and project here."""
    oldest = (await unit.organizations.page(_ONE)).items
    organization = oldest[0] if oldest else Organization(new_id("org"), "Default", at)
    if not oldest:
        await unit.organizations.add(organization)
        unit.audit(audited.change("created", None, organization))
    within = unit.within(organization.id)
    projects = (await within.projects.page(_ONE)).items
    project = projects[0] if projects else Project(new_id("prj"), organization.id, "Default", at)
    if not projects:
        await within.projects.add(project)
        unit.audit(audited.change("created", None, project))
    return Principal("system", "system", organization.id, project.id, MANAGEMENT), not oldest


async def issue_first_keys(unit: Installation, founder: Principal, at: datetime) -> FirstKeys:
    """One key for inference, and one that may manage everything."""
    within = unit.within(founder.organization_id)
    inference = await create_key(within, founder, KeyOrder("First key"), at)
    management = await create_key(within, founder, KeyOrder("First management key", "management"), at)
    return FirstKeys(_text(inference), _text(management))


async def ensure_operator(unit: Installation, founder: Principal, email: str, at: datetime) -> User | None:
    """The first operator, where the installation has none that could act; None where it has. Raises Invalid."""
    if await unit.users.operators():
        return None
    address = check_email(email, "operator_email")
    known = await unit.users.by_email(email_key(address))
    if known is not None:
        # Whoever disabled them did so on purpose.
        return None
    operator = User(new_id("usr"), address, email_key(address), "Operator", at, founder.id, is_operator=True)
    await unit.users.add(operator)
    unit.audit(audited.change("created", None, operator))
    membership = Membership(new_id("mbr"), founder.organization_id, operator.id, "admin", at, founder.id)
    await unit.within(founder.organization_id).members.add(membership)
    unit.audit(audited.change("created", None, membership))
    return operator


def _text(issued: IssuedKey) -> Secret:
    if issued.key is None:
        message = "a key that was made here has its text"
        raise TypeError(message)
    return issued.key
