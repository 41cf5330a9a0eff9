"""People as the directory tells of them: they come, they change, they go.

A person is a membership of the organisation. Their account may be older than that, and may belong to other organisations: then
nothing of it is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.directory_roles import admit, dismiss
from headworks.identity.commands.keys import tell
from headworks.identity.contracts import DirectoryPerson, User
from headworks.identity.domain import audited
from headworks.identity.domain.directory import (
    EXTERNAL_ID_LENGTH,
    USER_NAME_LENGTH,
    check_text,
    directory_key,
)
from headworks.identity.domain.emails import check_email, email_key
from headworks.identity.errors import DirectoryPersonNotFound, EmailInUse
from headworks.identity.ports import KeyFilter
from headworks.kernel.ids import new_id
from headworks.kernel.pagination import MOST_PER_PAGE, PageRequest

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.ports import Installation, Unit
    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class PersonWish:
    """Somebody as the directory wants them to be."""

    user_name: str
    email: str
    """The one of their addresses that their account is found by."""
    name: str
    """What an account that is made for them is called."""
    external_id: str | None
    is_active: bool
    document: str


async def create_person(unit: Installation, caller: Principal, wish: PersonWish, at: datetime) -> DirectoryPerson:
    """Make somebody known, and a member unless they are inactive. Raises Invalid, DirectoryNameInUse."""
    within = unit.within(caller.organization_id)
    user, is_new = await _account(unit, caller, wish, at)
    member = await within.members.of_user(user.id)
    person = DirectoryPerson(
        id=new_id("dpr"),
        organization_id=caller.organization_id,
        user_id=user.id,
        user_name=check_text("userName", wish.user_name, USER_NAME_LENGTH),
        user_name_key=directory_key(wish.user_name),
        external_id=_external_id(wish.external_id),
        is_active=wish.is_active,
        document=wish.document,
        created_at=at,
        changed_at=at,
        own_role=None if member is None else member.membership.role,
        made_account=is_new,
    )
    await within.directory.people.add(person)
    unit.audit(audited.change("created", None, person))
    if person.is_active:
        await admit(within, caller, person, at)
    elif member is not None:
        await dismiss(within, person, at)
    return person


async def change_person(
    unit: Installation, caller: Principal, person_id: str, wish: PersonWish, at: datetime
) -> DirectoryPerson:
    """Raises DirectoryPersonNotFound, Invalid, DirectoryNameInUse, EmailInUse, LastAdmin."""
    within = unit.within(caller.organization_id)
    before = await _known(within, person_id)
    after = replace(
        before,
        user_name=check_text("userName", wish.user_name, USER_NAME_LENGTH),
        user_name_key=directory_key(wish.user_name),
        external_id=_external_id(wish.external_id),
        is_active=wish.is_active,
        document=wish.document,
    )
    if after == before:
        return before
    after = replace(after, changed_at=at, version=before.version + 1)
    await within.directory.people.replace(after)
    unit.audit(audited.change("changed", before, after))
    await _follow(unit, after, wish)
    if after.is_active and not before.is_active:
        await admit(within, caller, after, at)
    if before.is_active and not after.is_active:
        await dismiss(within, after, at)
    return after


async def delete_person(unit: Unit, person_id: str, at: datetime) -> None:
    """For good: they belong no more, and the keys that they own here are revoked. Raises DirectoryPersonNotFound, LastAdmin."""
    person = await _known(unit, person_id)
    await dismiss(unit, person, at)
    await _revoke_keys(unit, person.user_id, at)
    for group in (await unit.directory.groups.of_people([person.id])).get(person.id, []):
        await unit.directory.groups.leave(group.id, [person.id])
        await unit.directory.groups.replace(replace(group, changed_at=at, version=group.version + 1))
    await unit.directory.people.remove(person.id)
    unit.audit(audited.change("removed", person, None))


async def _known(unit: Unit, person_id: str) -> DirectoryPerson:
    found = await unit.directory.people.get(person_id)
    if found is None:
        raise DirectoryPersonNotFound(f"There is no user {person_id!r}.")
    return found


async def _account(unit: Installation, caller: Principal, wish: PersonWish, at: datetime) -> tuple[User, bool]:
    """The account of the address, and whether it was made here. Raises Invalid."""
    address = check_email(wish.email, "emails")
    found = await unit.users.by_email(email_key(address))
    if found is not None:
        return found, False
    made = User(new_id("usr"), address, email_key(address), wish.name, at, caller.id)
    await unit.users.add(made)
    unit.audit(audited.change("created", None, made))
    return made, True


async def _follow(unit: Installation, person: DirectoryPerson, wish: PersonWish) -> None:
    """Rename an account that is this directory's alone. Raises Invalid, EmailInUse."""
    address = check_email(wish.email, "emails")
    user = await unit.users.get(person.user_id)
    if user is None or not person.made_account or user.is_operator:
        return
    if (user.email, user.name) == (address, wish.name):
        return
    if await unit.users.belongs_elsewhere(user.id, person.organization_id):
        return
    owner = await unit.users.by_email(email_key(address))
    if owner is not None and owner.id != user.id:
        raise EmailInUse(f"There is another account with the address {address} already.")
    changed = replace(user, email=address, email_key=email_key(address), name=wish.name, version=user.version + 1)
    await unit.users.replace(changed)
    unit.audit(audited.change("changed", user, changed))


async def _revoke_keys(unit: Unit, user_id: str, at: datetime) -> None:
    number = 1
    while True:
        page = await unit.keys.page(KeyFilter(owner_id=user_id), at, PageRequest(number, MOST_PER_PAGE))
        for key in page.items:
            if key.revoked_at is None:
                revoked = replace(key, revoked_at=at, version=key.version + 1)
                await unit.keys.replace(revoked)
                tell(unit, revoked)
                unit.audit(audited.change("revoked", key, revoked))
        if number >= page.total_pages:
            return
        number += 1


def _external_id(text: str | None) -> str | None:
    return None if text is None else check_text("externalId", text, EXTERNAL_ID_LENGTH)
