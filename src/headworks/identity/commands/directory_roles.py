"""What the directory's word makes of people: who belongs to the organisation, as what, and who leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.identity.commands.members import keep_an_admin
from headworks.identity.contracts import Membership, MembershipChanged, SessionEnded
from headworks.identity.domain import audited
from headworks.identity.domain.directory import role_of
from headworks.kernel.audit import Change
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headworks.identity.contracts import DirectoryPerson, Member, Role
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal


async def admit(unit: Unit, caller: Principal, person: DirectoryPerson, at: datetime) -> None:
    """Let an active person belong, as what their groups make of them. Raises LastAdmin."""
    member = await unit.members.of_user(person.user_id)
    role = (await _roles(unit, [person]))[person.id]
    if member is not None:
        await _become(unit, member, role)
        return
    made = Membership(new_id("mbr"), unit.organization_id, person.user_id, role, at, caller.id)
    await unit.members.add(made)
    unit.publish(MembershipChanged(unit.organization_id, person.user_id))
    unit.audit(audited.change("created", None, made))


async def dismiss(unit: Unit, person: DirectoryPerson, at: datetime) -> None:
    """End their membership, and their sessions here; keys that they own here stop with it. Raises LastAdmin."""
    member = await unit.members.of_user(person.user_id)
    if member is not None:
        if member.membership.role == "admin":
            await keep_an_admin(unit, member)
        await unit.members.remove(member.membership.id)
        unit.audit(audited.change("removed", member.membership, None))
    unit.publish(MembershipChanged(unit.organization_id, person.user_id))
    for session_id in await unit.end_sessions(person.user_id, "left_organization", at):
        ended = {"user_id": person.user_id, "end_reason": "left_organization"}
        unit.audit(Change("session.ended", "session", session_id, None, ended))
        unit.publish(SessionEnded(session_id))


async def settle(unit: Unit, people: Sequence[DirectoryPerson]) -> None:
    """Give those who belong what their groups make of them now. Raises LastAdmin.

    Nobody comes in by it: who was removed by hand stays out until the directory takes them away and brings them back.
    """
    active = [person for person in people if person.is_active]
    members = await unit.members.of_users([person.user_id for person in active])
    roles = await _roles(unit, active)
    # Those who rise come first: of two admins who change places, one is there at any time.
    rising = sorted(active, key=lambda person: roles[person.id] != "admin")
    for person in rising:
        member = members.get(person.user_id)
        if member is not None:
            await _become(unit, member, roles[person.id])


async def _become(unit: Unit, member: Member, role: Role) -> None:
    before = member.membership
    if before.role == role:
        return
    if before.role == "admin":
        await keep_an_admin(unit, member)
    after = replace(before, role=role, version=before.version + 1)
    await unit.members.replace(after)
    unit.publish(MembershipChanged(unit.organization_id, before.user_id))
    unit.audit(audited.change("changed", before, after))


async def _roles(unit: Unit, people: Sequence[DirectoryPerson]) -> dict[str, Role]:
    """By the person's id."""
    directory = await unit.directory.directory()
    groups = await unit.directory.groups.of_people([person.id for person in people])
    return {person.id: role_of(person, groups.get(person.id, ()), directory) for person in people}
