"""Groups between SCIM's form and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scim2_models import InvalidValueException, Meta

from headworks.identity.commands.directory_groups import GroupWish
from headworks.identity.http.scim.models import Group, Member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.identity.contracts import DirectoryGroup

NAME: Final = "Group"


def shown_group(group: DirectoryGroup, member_ids: Sequence[str]) -> Group:
    """As a directory reads it, but for locations, which the service knows."""
    members = [Member.model_validate({"value": one, "$ref": f"Users/{one}", "type": "User"}) for one in member_ids]
    return Group(
        id=group.id,
        external_id=group.external_id,
        display_name=group.name,
        members=members or None,
        meta=Meta(
            resource_type=NAME,
            created=group.created_at,
            last_modified=group.changed_at,
            version=version_of(group),
        ),
    )


def version_of(group: DirectoryGroup) -> str:
    """Changes with it and with who is in it."""
    return f'W/"{group.version}"'


def wish_of(group: Group) -> GroupWish:
    """What a directory wants a group to be. Raises InvalidValueException."""
    members = group.members or []
    if any((one.type or "User").lower() != "user" for one in members):
        raise InvalidValueException(detail="A group cannot be a member of a group here; send the people of both.")
    if any(not one.value for one in members):
        raise InvalidValueException(detail="Each member needs a `value`: the id of a user.")
    return GroupWish(group.display_name or "", group.external_id, frozenset(one.value or "" for one in members))
