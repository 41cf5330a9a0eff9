"""What groups make of people."""

from __future__ import annotations

import pytest

from headworks.identity.commands.directory_groups import map_group
from headworks.identity.commands.directory_tokens import change_default
from headworks.identity.contracts import Directory, MembershipChanged
from headworks.identity.domain.directory import highest
from headworks.identity.domain.roles import ROLES, permissions_of
from headworks.identity.errors import DirectoryGroupNotFound, LastAdmin, MoreThanOwnRights
from headworks.kernel.errors import Stale
from headworks.kernel.events import EventBus
from headworks.kernel.principal import Principal
from tests.unit.identity.directory.conftest import GROUP, Speaker, admin_of, members, patch


def test_roles_are_ranked_by_what_they_may() -> None:
    for one in ROLES:
        for other in ROLES:
            assert permissions_of(highest([one, other])) == permissions_of(one) | permissions_of(other)


async def test_the_highest_role_counts(directory: Speaker) -> None:
    ada, bob = await directory.add("ada"), await directory.add("bob")
    readers = await directory.group("Readers", ada, bob)
    engineers = await directory.group("Engineers", ada)
    await directory.map(readers, "viewer")
    await directory.map(engineers, "maintainer")
    assert await directory.roles() == {"founder": "admin", "ada": "maintainer", "bob": "viewer"}
    await directory.map(readers, "admin")
    assert await directory.roles() == {"founder": "admin", "ada": "admin", "bob": "admin"}
    await directory.map(readers, None)
    assert await directory.roles() == {"founder": "admin", "ada": "maintainer", "bob": "viewer"}


async def test_people_follow_their_groups_at_once(directory: Speaker) -> None:
    ada, bob = await directory.add("ada"), await directory.add("bob")
    group = await directory.group("Engineers")
    await directory.map(group, "maintainer")
    told: list[object] = []
    bus: EventBus = directory.store._bus  # type: ignore[attr-defined]
    bus.subscribe(MembershipChanged, told.append)
    await directory.send(
        "PATCH", f"/Groups/{group}", patch({"op": "add", "path": "members", "value": members(ada)}), 204
    )
    assert await directory.roles() == {"founder": "admin", "ada": "maintainer", "bob": "viewer"}
    assert len(told) == 1
    body = {"schemas": [GROUP], "displayName": "Engineers", "members": members(bob)}
    await directory.send("PUT", f"/Groups/{group}", body)
    assert await directory.roles() == {"founder": "admin", "ada": "viewer", "bob": "maintainer"}
    await directory.send("DELETE", f"/Groups/{group}", status=204)
    assert await directory.roles() == {"founder": "admin", "ada": "viewer", "bob": "viewer"}
    assert (await directory.send("GET", f"/Users/{bob}")).get("groups") is None


async def test_whoever_gets_nothing_by_groups_is_what_the_default_says(directory: Speaker) -> None:
    ada = await directory.add("ada")
    async with directory.store.transaction("org_1") as unit:
        assert await unit.directory.directory() == Directory("org_1", "viewer", 1)
        changed = await change_default(unit, admin_of("org_1"), "maintainer", 1)
    assert changed == Directory("org_1", "maintainer", 2)
    await directory.add("bob")
    assert await directory.roles() == {"founder": "admin", "ada": "maintainer", "bob": "maintainer"}
    with pytest.raises(Stale):
        async with directory.store.transaction("org_1") as unit:
            await change_default(unit, admin_of("org_1"), "viewer", 1)
    async with directory.store.transaction("org_1") as unit:
        await change_default(unit, admin_of("org_1"), "viewer")
    assert (await directory.roles())["ada"] == "viewer"
    assert (await directory.send("GET", f"/Users/{ada}"))["id"] == ada


async def test_the_last_admin_stays_one_whatever_groups_say(directory: Speaker) -> None:
    ada = await directory.add("ada")
    group = await directory.group("Admins", ada)
    await directory.map(group, "admin")
    async with directory.store.transaction("org_1") as unit:
        founder = await unit.members.of_user("usr_founder")
        assert founder is not None
        await unit.members.remove(founder.membership.id)
    path = f"/Groups/{group}"
    assert await directory.refused("PATCH", path, patch({"op": "remove", "path": "members"})) == (409, None)
    assert await directory.refused("DELETE", path) == (409, None)
    with pytest.raises(LastAdmin):
        await directory.map(group, None)
    assert await directory.roles() == {"ada": "admin"}
    assert [one["value"] for one in (await directory.send("GET", path))["members"]] == [ada]


async def test_of_two_admins_who_change_places_one_is_there(directory: Speaker) -> None:
    ada, bob = await directory.add("ada"), await directory.add("bob")
    group = await directory.group("Admins", ada)
    await directory.map(group, "admin")
    async with directory.store.transaction("org_1") as unit:
        founder = await unit.members.of_user("usr_founder")
        assert founder is not None
        await unit.members.remove(founder.membership.id)
    swap = patch({"op": "replace", "path": "members", "value": members(bob)})
    await directory.send("PATCH", f"/Groups/{group}", swap, 204)
    assert await directory.roles() == {"ada": "viewer", "bob": "admin"}


async def test_nobody_maps_a_group_to_more_than_they_may(directory: Speaker) -> None:
    group = await directory.group("Engineers")
    limited = Principal("key_1", "key", "org_1", None, frozenset({"members:read", "members:write"}))
    with pytest.raises(MoreThanOwnRights):
        async with directory.store.transaction("org_1") as unit:
            await map_group(unit, limited, group, "viewer")
    with pytest.raises(Stale):
        async with directory.store.transaction("org_1") as unit:
            await map_group(unit, admin_of("org_1"), group, "viewer", 7)


async def test_another_organisations_group_is_like_none(directory: Speaker, other: Speaker) -> None:
    theirs = await other.group("Theirs")
    messages = []
    for wanted in (theirs, "dgr_" + "x" * 26):
        with pytest.raises(DirectoryGroupNotFound) as caught:
            await directory.map(wanted, "admin")
        messages.append(caught.value.message.replace(wanted, "…"))
    assert len(set(messages)) == 1


async def test_members_are_people_of_the_same_directory(directory: Speaker, other: Speaker) -> None:
    theirs = await other.add("eve")
    for stranger in (theirs, "dpr_nobody"):
        body = {"schemas": [GROUP], "displayName": "Engineers", "members": members(stranger)}
        assert await directory.refused("POST", "/Groups", body) == (400, "invalidValue")
    group = await directory.group("Engineers")
    for wrong in ({"value": group, "type": "Group"}, {"display": "nobody"}):
        adding = patch({"op": "add", "path": "members", "value": [wrong]})
        assert await directory.refused("PATCH", f"/Groups/{group}", adding) == (400, "invalidValue")
    assert (await directory.send("GET", f"/Groups/{group}")).get("members") is None


async def test_who_leaves_the_directory_leaves_its_groups(directory: Speaker) -> None:
    ada = await directory.add("ada")
    group = await directory.group("Engineers", ada)
    before = (await directory.send("GET", f"/Groups/{group}"))["meta"]["version"]
    await directory.send("DELETE", f"/Users/{ada}", status=204)
    after = await directory.send("GET", f"/Groups/{group}")
    assert after.get("members") is None
    assert after["meta"]["version"] != before


async def test_two_groups_may_share_a_name(directory: Speaker) -> None:
    first, second = await directory.group("Engineers"), await directory.group("engineers")
    assert {one["id"] for one in await directory.found('displayName eq "ENGINEERS"', "Groups")} == {first, second}
