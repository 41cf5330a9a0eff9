"""What is done to those who belong to an organisation. It always keeps an admin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import Member, MembershipChanged
from headworks.identity.domain import audited
from headworks.identity.domain.directory import role_of
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import LastAdmin, ManagedByDirectory, MemberNotFound

if TYPE_CHECKING:
    from headworks.identity.contracts import Role
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


async def change_role(
    unit: Unit, caller: Principal, membership_id: str, role: Role, expected: int | None = None
) -> Member:
    """Raises MemberNotFound, MoreThanOwnRights, LastAdmin, ManagedByDirectory, Stale."""
    found = await _own(unit, caller, membership_id)
    before = found.membership
    check_version(expected, before.version)
    check_role(permissions_of(role), caller, "make a member of")
    if before.role == role:
        return found
    await note_own_role(unit, before.user_id, role)
    if before.role == "admin":
        await keep_an_admin(unit, found)
    after = replace(before, role=role, version=before.version + 1)
    await unit.members.replace(after)
    unit.publish(MembershipChanged(unit.organization_id, before.user_id))
    unit.audit(audited.change("changed", before, after))
    return replace(found, membership=after)


async def remove_member(unit: Unit, caller: Principal, membership_id: str, expected: int | None = None) -> None:
    """Their keys in the organisation stop working. Raises MemberNotFound, MoreThanOwnRights, LastAdmin, Stale."""
    found = await _own(unit, caller, membership_id)
    check_version(expected, found.membership.version)
    if found.membership.role == "admin":
        await keep_an_admin(unit, found)
    await unit.members.remove(membership_id)
    unit.publish(MembershipChanged(unit.organization_id, found.user.id))
    unit.audit(audited.change("removed", found.membership, None))


async def note_own_role(unit: Unit, user_id: str, role: Role) -> None:
    """Note what people made of somebody whom the directory knows: it is the least that they are from now on.

    Raises ManagedByDirectory when the directory gives them more.
    """
    person = await unit.directory.people.of_user(user_id)
    if person is None:
        return
    groups = (await unit.directory.groups.of_people([person.id])).get(person.id, [])
    changed = replace(person, own_role=role, version=person.version + 1)
    given = role_of(changed, groups, await unit.directory.directory())
    if given != role:
        raise ManagedByDirectory(
            f"The organisation's directory makes them {given}. Take them out of its groups, or map the groups to less."
        )
    await unit.directory.people.replace(changed)
    unit.audit(audited.change("changed", person, changed))


async def _own(unit: Unit, caller: Principal, membership_id: str) -> Member:
    found = await unit.members.get(membership_id)
    if found is None:
        raise MemberNotFound(f"There is no member {membership_id!r} in your organisation.")
    check_role(permissions_of(found.membership.role), caller, "change")
    return found


async def keep_an_admin(unit: Unit, leaving: Member) -> None:
    """Raises LastAdmin when nobody else could manage the organisation's members."""
    if all(other.user.id == leaving.user.id for other in await unit.members.admins()):
        raise LastAdmin("They are the organisation's last admin. Make somebody else one first.")
