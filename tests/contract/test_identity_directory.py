"""The contract of `identity.ports.DirectoryStore`, held by every adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.contracts import Directory, DirectoryGroup, DirectoryPerson, DirectoryToken, Membership, User
from headworks.identity.errors import DirectoryNameInUse
from headworks.identity.ports import Named, Store
from headworks.kernel.errors import Stale
from headworks.kernel.pagination import PageRequest
from tests.contract.conftest import NOON

LATER = NOON + timedelta(hours=1)


def person(name: str, *, organization: int = 1, **fields: object) -> DirectoryPerson:
    made = DirectoryPerson(
        id=f"dpr_{name}_{organization}",
        organization_id=f"org_{organization}",
        user_id=f"usr_{name}",
        user_name=f"{name.title()}@example.org",
        user_name_key=f"{name}@example.org",
        external_id=f"x{name}",
        is_active=True,
        document='{"title": "né\\u0000"}',
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def group(name: str, *, organization: int = 1, **fields: object) -> DirectoryGroup:
    made = DirectoryGroup(
        f"dgr_{name}_{organization}", f"org_{organization}", name.title(), name, None, created_at=NOON, changed_at=NOON
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def token(name: str, *, organization: int = 1) -> DirectoryToken:
    hashed = f"{name}{organization}".ljust(64, "0")
    return DirectoryToken(
        f"dtk_{name}_{organization}", f"org_{organization}", name, hashed, "abcd", NOON, "usr_ada", expires_at=LATER
    )


async def populate(store: Store) -> None:
    """Ada and Bob in the first, Ada in the second too; each with a group of one name."""
    async with store.operate() as unit:
        for name in ("ada", "bob"):
            await unit.users.add(User(f"usr_{name}", f"{name}@a", f"{name}@a", name, NOON, "system"))
        for number in (1, 2):
            within = unit.within(f"org_{number}").directory
            await within.people.add(person("ada", organization=number))
            await within.groups.add(group("engineers", organization=number))
            await within.groups.join(f"dgr_engineers_{number}", [f"dpr_ada_{number}"])
            await within.tokens.add(token("okta", organization=number))
        await unit.within("org_1").directory.people.add(person("bob", created_at=LATER))


async def test_what_is_written_comes_back(identity: Store) -> None:
    await populate(identity)
    changed = person("bob", created_at=LATER, is_active=False, own_role="admin", made_account=True, version=2)
    async with identity.transaction("org_1") as unit:
        await unit.directory.people.replace(changed)
        await unit.directory.groups.replace(group("engineers", role="maintainer", external_id="7", version=2))
    async with identity.read("org_1") as reading:
        people, groups = reading.directory.people, reading.directory.groups
        assert await people.get("dpr_bob_1") == changed
        assert await people.of_user("usr_ada") == person("ada")
        assert await people.stretch(0, 10) == ([person("ada"), changed], 2)
        assert await people.stretch(1, 1) == ([changed], 2)
        assert await people.of_each(["dpr_ada_1", "dpr_nobody", "dpr_ada_2"]) == [person("ada")]
        assert (await groups.get("dgr_engineers_1")) == group(
            "engineers", role="maintainer", external_id="7", version=2
        )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Named(), ["dpr_ada_1", "dpr_bob_1"]),
        (Named(key="ada@example.org"), ["dpr_ada_1"]),
        (Named(key="ADA@example.org"), []),
        (Named(external_id="xbob"), ["dpr_bob_1"]),
        (Named(external_id="XBOB"), []),
        (Named(id="dpr_ada_1"), ["dpr_ada_1"]),
        (Named(id="dpr_ada_2"), []),
    ],
)
async def test_people_are_found_by_their_names(identity: Store, wanted: Named, found: list[str]) -> None:
    await populate(identity)
    async with identity.read("org_1") as reading:
        assert [one.id for one in await reading.directory.people.find(wanted, 10)] == found
        assert [one.id for one in await reading.directory.people.find(wanted, 1)] == found[:1]


async def test_groups_are_found_by_their_names(identity: Store) -> None:
    await populate(identity)
    async with identity.read("org_1") as reading:
        groups = reading.directory.groups
        assert [one.id for one in await groups.find(Named(key="engineers"), 5)] == ["dgr_engineers_1"]
        assert await groups.find(Named(key="Engineers"), 5) == []
        assert await groups.stretch(0, 5) == ([group("engineers")], 1)
        assert list((await groups.page(PageRequest())).items) == [group("engineers")]


async def test_people_come_and_go_in_groups(identity: Store) -> None:
    await populate(identity)
    async with identity.transaction("org_1") as unit:
        groups = unit.directory.groups
        await groups.add(group("admins", created_at=LATER))
        await groups.join("dgr_admins_1", ["dpr_ada_1", "dpr_bob_1"])
        await groups.leave("dgr_admins_1", ["dpr_ada_1", "dpr_nobody"])
    async with identity.read("org_1") as reading:
        groups_read = reading.directory.groups
        assert await groups_read.members(None) == {"dgr_engineers_1": ["dpr_ada_1"], "dgr_admins_1": ["dpr_bob_1"]}
        assert await groups_read.members(["dgr_admins_1", "dgr_engineers_2"]) == {"dgr_admins_1": ["dpr_bob_1"]}
        everybody = await groups_read.of_people(None)
        assert {who: [one.id for one in found] for who, found in everybody.items()} == {
            "dpr_ada_1": ["dgr_engineers_1"],
            "dpr_bob_1": ["dgr_admins_1"],
        }
        assert await groups_read.of_people(["dpr_ada_2"]) == {}
    async with identity.transaction("org_1") as unit:
        await unit.directory.groups.remove("dgr_admins_1")
        await unit.directory.people.remove("dpr_bob_1")
    async with identity.read("org_1") as reading:
        assert await reading.directory.people.get("dpr_bob_1") is None
        assert await reading.directory.groups.members(None) == {"dgr_engineers_1": ["dpr_ada_1"]}


async def test_what_another_organisation_has_is_not_changed(identity: Store) -> None:
    await populate(identity)
    async with identity.transaction("org_1") as unit:
        directory = unit.directory
        await directory.groups.leave("dgr_engineers_2", ["dpr_ada_2"])
        await directory.groups.remove("dgr_engineers_2")
        await directory.people.remove("dpr_ada_2")
        await directory.tokens.replace(replace(token("okta", organization=2), revoked_at=NOON))
        assert await directory.people.get("dpr_ada_2") is None
        assert await directory.tokens.get("dtk_okta_2") is None
    async with identity.read("org_2") as reading:
        assert await reading.directory.groups.members(None) == {"dgr_engineers_2": ["dpr_ada_2"]}
        assert await reading.directory.people.get("dpr_ada_2") == person("ada", organization=2)
        assert await reading.directory.tokens.get("dtk_okta_2") == token("okta", organization=2)


async def test_names_and_accounts_are_unique_in_an_organisation(identity: Store) -> None:
    await populate(identity)
    twins = (
        person("bob", id="dpr_x", user_name_key="ada@example.org", user_id="usr_bob"),
        person("bob", id="dpr_x", user_name_key="other"),
    )
    for twin in twins:
        with pytest.raises(DirectoryNameInUse):
            async with identity.transaction("org_1") as unit:
                await unit.directory.people.add(twin)
    with pytest.raises(DirectoryNameInUse):
        async with identity.transaction("org_1") as unit:
            await unit.directory.people.replace(person("bob", user_name_key="ada@example.org", version=2))


async def test_two_editors_do_not_overwrite_each_other(identity: Store) -> None:
    await populate(identity)
    for version in (1, 3):
        for change in ("person", "group", "directory"):
            with pytest.raises(Stale):
                async with identity.transaction("org_1") as unit:
                    directory = unit.directory
                    if change == "person":
                        await directory.people.replace(person("ada", version=version))
                    elif change == "group":
                        await directory.groups.replace(group("engineers", version=version))
                    else:
                        await directory.put_directory(Directory("org_1", "admin", version))


async def test_how_a_directory_is_taken(identity: Store) -> None:
    for version, role in ((2, "admin"), (3, "maintainer")):
        async with identity.transaction("org_1") as unit:
            await unit.directory.put_directory(Directory("org_1", role, version))  # type: ignore[arg-type]
    async with identity.read("org_1") as reading:
        assert await reading.directory.directory() == Directory("org_1", "maintainer", 3)
    async with identity.read("org_2") as reading:
        assert await reading.directory.directory() == Directory("org_2", "viewer", 1)


async def test_tokens_are_found_by_their_hash(identity: Store) -> None:
    await populate(identity)
    made = token("okta")
    async with identity.operate() as unit:
        assert await unit.directory_token_by_hash(made.token_hash) == made
        assert await unit.directory_token_by_hash("x" * 64) is None
        await unit.record_directory_use(made.id, LATER)
        await unit.record_directory_use(made.id, NOON)
    async with identity.transaction("org_1") as within:
        found = await within.directory.tokens.get(made.id)
        assert found == replace(made, last_used_at=LATER)
        await within.directory.tokens.replace(replace(found, revoked_at=LATER))
        assert [one.state(NOON) for one in (await within.directory.tokens.page(PageRequest())).items] == ["revoked"]


async def test_who_belongs_elsewhere(identity: Store) -> None:
    await populate(identity)
    async with identity.operate() as unit:
        await unit.within("org_1").members.add(Membership("mbr_1", "org_1", "usr_ada", "viewer", NOON, "system"))
        assert not await unit.users.belongs_elsewhere("usr_ada", "org_1")
        assert await unit.users.belongs_elsewhere("usr_ada", "org_2")
        found = await unit.within("org_1").members.of_users(["usr_ada", "usr_bob"])
        assert {user_id: one.membership.id for user_id, one in found.items()} == {"usr_ada": "mbr_1"}
        assert await unit.within("org_2").members.of_users(["usr_ada"]) == {}
