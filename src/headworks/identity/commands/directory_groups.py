"""Groups as the directory tells of them, and what belonging to one makes of somebody here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.directory_roles import settle
from headworks.identity.contracts import DirectoryGroup
from headworks.identity.domain import audited
from headworks.identity.domain.directory import (
    EXTERNAL_ID_LENGTH,
    GROUP_NAME_LENGTH,
    check_text,
    directory_key,
)
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import DirectoryGroupNotFound
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from headworks.identity.contracts import Role
    from headworks.identity.ports import Unit
    from headworks.kernel.audit import Change
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class GroupWish:
    """A group as the directory wants it to be."""

    name: str
    external_id: str | None
    member_ids: frozenset[str]


async def create_group(unit: Unit, wish: GroupWish, at: datetime) -> DirectoryGroup:
    """It gives nobody anything until an admin says what it is for. Raises Invalid."""
    made = DirectoryGroup(new_id("dgr"), unit.organization_id, *_named(wish), created_at=at, changed_at=at)
    await unit.directory.groups.add(made)
    joining = await _known(unit, wish.member_ids)
    await unit.directory.groups.join(made.id, joining)
    unit.audit(_change("created", None, made, joining, ()))
    return made


async def change_group(unit: Unit, group_id: str, wish: GroupWish, at: datetime) -> DirectoryGroup:
    """Whoever joined or left is what their groups make of them now. Raises DirectoryGroupNotFound, Invalid, LastAdmin."""
    before = await _group(unit, group_id)
    present = set((await unit.directory.groups.members([group_id])).get(group_id, []))
    leaving = sorted(present - wish.member_ids)
    joining = await _known(unit, wish.member_ids - present)
    name, name_key, external_id = _named(wish)
    after = replace(before, name=name, name_key=name_key, external_id=external_id)
    if after == before and not joining and not leaving:
        return before
    after = replace(after, changed_at=at, version=before.version + 1)
    await unit.directory.groups.replace(after)
    await unit.directory.groups.join(group_id, joining)
    await unit.directory.groups.leave(group_id, leaving)
    unit.audit(_change("changed", before, after, joining, leaving))
    if before.role is not None:
        await settle(unit, await unit.directory.people.of_each([*joining, *leaving]))
    return after


async def delete_group(unit: Unit, group_id: str) -> None:
    """Nobody has anything by it any more. Raises DirectoryGroupNotFound, LastAdmin."""
    group = await _group(unit, group_id)
    leaving = (await unit.directory.groups.members([group_id])).get(group_id, [])
    await unit.directory.groups.remove(group_id)
    unit.audit(_change("removed", group, None, (), leaving))
    await settle(unit, await unit.directory.people.of_each(leaving))


async def map_group(
    unit: Unit, caller: Principal, group_id: str, role: Role | None, expected: int | None = None
) -> DirectoryGroup:
    """Say what the group's people are here; None gives nothing.

    Raises DirectoryGroupNotFound, MoreThanOwnRights, LastAdmin, Stale.
    """
    before = await _group(unit, group_id)
    check_version(expected, before.version)
    for given in (before.role, role):
        if given is not None:
            check_role(permissions_of(given), caller, "map a group to")
    if before.role == role:
        return before
    after = replace(before, role=role, version=before.version + 1)
    await unit.directory.groups.replace(after)
    unit.audit(audited.change("mapped", before, after))
    people = (await unit.directory.groups.members([group_id])).get(group_id, [])
    await settle(unit, await unit.directory.people.of_each(people))
    return after


async def _group(unit: Unit, group_id: str) -> DirectoryGroup:
    found = await unit.directory.groups.get(group_id)
    if found is None:
        raise DirectoryGroupNotFound(f"There is no group {group_id!r}.")
    return found


async def _known(unit: Unit, person_ids: Collection[str]) -> list[str]:
    """Raises Invalid for ids of nobody whom this organisation's directory told of."""
    known = [person.id for person in await unit.directory.people.of_each(person_ids)]
    if unknown := sorted(set(person_ids) - set(known)):
        raise Invalid.field("members", "unknown_member", f"there is no user {unknown[0]!r}")
    return known


def _named(wish: GroupWish) -> tuple[str, str, str | None]:
    name = check_text("displayName", wish.name, GROUP_NAME_LENGTH)
    external_id = None if wish.external_id is None else check_text("externalId", wish.external_id, EXTERNAL_ID_LENGTH)
    return name, directory_key(name), external_id


def _change(
    action: str,
    before: DirectoryGroup | None,
    after: DirectoryGroup | None,
    joining: Iterable[str],
    leaving: Iterable[str],
) -> Change:
    """With who came and who went, and not with everybody who is in it."""
    made = audited.change(action, before, after)
    return replace(
        made,
        before=None if made.before is None else {**made.before, "leaving": list(leaving)},
        after=None if made.after is None else {**made.after, "joining": list(joining)},
    )
