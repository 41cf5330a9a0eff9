"""Somebody comes, changes and goes by the directory's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headworks.audit.adapters.sql import SqlReader
from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import TRAIL
from headworks.identity.commands import invitations, members
from headworks.identity.commands.keys import KeyOrder, create_key
from headworks.identity.contracts import MembershipChanged, Role, SessionEnded, User
from headworks.identity.domain.roles import permissions_of
from headworks.identity.errors import ManagedByDirectory
from headworks.identity.ports import KeyFilter, Store
from headworks.kernel.clock import now
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.trail import Entry
from tests.unit.identity.conftest import NOON
from tests.unit.identity.directory.conftest import Speaker, admin_of, patch, person
from tests.unit.identity.directory.conftest import members as listed
from tests.unit.identity.sessions import ended, sign_in

OFF = patch({"op": "replace", "path": "active", "value": False})
ON = patch({"op": "replace", "path": "active", "value": True})


async def account(store: Store, name: str) -> User:
    async with store.overlook() as overview:
        found = await overview.users.by_email(f"{name}@example.org")
    assert found is not None
    return found


async def add_account(store: Store, name: str, *, organization_id: str | None = None) -> User:
    """Somebody whom no directory made."""
    made = User(f"usr_{name}", f"{name}@example.org", f"{name}@example.org", "Own Name", NOON, "system")
    async with store.operate() as unit:
        await unit.users.add(made)
        if organization_id is not None:
            caller = admin_of(organization_id)
            invited = await invitations.invite(unit.within(organization_id), caller, made.email, "maintainer", NOON)
            signed_in = Principal(made.id, "user", "", None, frozenset())
            await invitations.accept_invitation(unit, invited.token.reveal(), signed_in, None, NOON)
    return made


async def own_key(store: Store, user_id: str, organization_id: str = "org_1") -> str:
    """The id of a key that the user owns."""
    owner = Principal(user_id, "user", organization_id, None, permissions_of("maintainer"))
    async with store.transaction(organization_id) as unit:
        return (await create_key(unit, owner, KeyOrder("theirs"), now())).view.id


async def states(store: Store, organization_id: str = "org_1") -> list[tuple[str, str | None]]:
    at = now()
    async with store.read(organization_id) as reading:
        page = await reading.keys.page(KeyFilter(), at, PageRequest())
    return [(one.state(at), one.suspension) for one in page.items]


async def trail(store: Store) -> list[Entry]:
    """All that was written down, the oldest first."""
    if isinstance(store, MemoryStore):
        return store.trail.entries
    assert isinstance(store, SqlStore)
    return list(await SqlReader(store._database, TRAIL).following(0, 1_000))


async def test_somebody_new_gets_an_account_and_belongs(directory: Speaker) -> None:
    made = await directory.send("POST", "/Users", person("ada", displayName="Ada Lovelace"), 201)
    assert made["userName"] == "ada@example.org"
    assert made["meta"]["location"] == f"http://headworks/scim/v2/Users/{made['id']}"
    assert await directory.roles() == {"founder": "admin", "ada": "viewer"}
    user = await account(directory.store, "ada")
    assert (user.name, user.is_operator, user.state) == ("Ada Lovelace", False, "active")


async def test_what_an_account_is_elsewhere_stays_untouched(directory: Speaker, other: Speaker) -> None:
    await other.add("ada", displayName="Theirs")
    before = await account(directory.store, "ada")
    ada = await directory.add("ada", displayName="Ours")
    assert (await directory.roles())["ada"] == (await other.roles())["ada"] == "viewer"
    body = person("ada", displayName="Ours again", emails=[{"value": "moved@example.org", "primary": True}])
    await directory.send("PUT", f"/Users/{ada}", body)
    assert await account(directory.store, "ada") == before
    await directory.send("PATCH", f"/Users/{ada}", OFF)
    assert "ada" not in await directory.roles()
    assert (await other.roles())["ada"] == "viewer"
    await directory.send("DELETE", f"/Users/{ada}", status=204)
    assert await account(directory.store, "ada") == before
    assert (await other.roles())["ada"] == "viewer"
    (theirs,) = await other.found('userName eq "ada@example.org"')
    assert theirs["displayName"] == "Theirs"


async def test_the_directorys_own_account_follows_it(directory: Speaker) -> None:
    ada = await directory.add("ada", displayName="Ada Byron")
    body = person("ada", displayName="Ada Lovelace", emails=[{"value": "lovelace@example.org", "type": "work"}])
    await directory.send("PUT", f"/Users/{ada}", body)
    user = await account(directory.store, "lovelace")
    assert user.name == "Ada Lovelace"
    assert (await directory.roles())["lovelace"] == "viewer"
    await add_account(directory.store, "taken")
    body["emails"][0]["value"] = "taken@example.org"
    assert await directory.refused("PUT", f"/Users/{ada}", body) == (409, "uniqueness")
    assert await account(directory.store, "lovelace") == user


async def test_an_account_that_belongs_elsewhere_too_follows_nobody(directory: Speaker, other: Speaker) -> None:
    theirs = await other.add("ada", displayName="Ada")
    ours = await directory.add("ada")
    moved = person("ada", displayName="Mallory", emails=[{"value": "mallory@example.org"}])
    await other.send("PUT", f"/Users/{theirs}", moved)
    assert (await account(directory.store, "ada")).name == "Ada"
    assert (await directory.roles())["ada"] == "viewer"
    # Once it is that directory's alone again, it follows.
    await directory.send("DELETE", f"/Users/{ours}", status=204)
    await other.send("PUT", f"/Users/{theirs}", {**moved, "displayName": "Malory"})
    assert (await account(directory.store, "mallory")).name == "Malory"


async def test_an_operators_account_follows_nobody(directory: Speaker) -> None:
    ada = await directory.add("ada", displayName="Ada")
    user = await account(directory.store, "ada")
    async with directory.store.operate() as unit:
        await unit.users.replace(replace(user, is_operator=True, version=2))
    await directory.send("PUT", f"/Users/{ada}", person("ada", displayName="Other"))
    assert (await account(directory.store, "ada")).name == "Ada"


async def test_a_leaver_loses_access(directory: Speaker, other: Speaker) -> None:
    ada = await directory.add("ada")
    await other.add("ada")
    user = await account(directory.store, "ada")
    here = await sign_in(directory.store, user.id, "org_1", "ses_here")
    there = await sign_in(directory.store, user.id, "org_2", "ses_there")
    await own_key(directory.store, user.id)
    await own_key(directory.store, user.id, "org_2")
    told: list[object] = []
    bus: EventBus = directory.store._bus  # type: ignore[attr-defined]
    bus.subscribe(MembershipChanged, told.append)
    bus.subscribe(SessionEnded, told.append)
    answered = await directory.send("PATCH", f"/Users/{ada}", OFF)
    assert answered["active"] is False
    assert told == [MembershipChanged("org_1", user.id), SessionEnded(here)]
    assert "ada" not in await directory.roles()
    assert (await ended(directory.store, here), await ended(directory.store, there)) == ("left_organization", "")
    assert await states(directory.store) == [("suspended", "owner_left")]
    assert await states(directory.store, "org_2") == [("active", None)]
    # Back again: the membership and the keys, and not the session.
    await directory.send("PATCH", f"/Users/{ada}", ON)
    assert (await directory.roles())["ada"] == "viewer"
    assert await states(directory.store) == [("active", None)]
    assert await ended(directory.store, here) == "left_organization"


async def test_who_is_deleted_never_gets_their_keys_back(directory: Speaker) -> None:
    ada = await directory.add("ada")
    await own_key(directory.store, (await account(directory.store, "ada")).id)
    await directory.send("DELETE", f"/Users/{ada}", status=204)
    assert await directory.refused("GET", f"/Users/{ada}") == (404, None)
    assert await directory.refused("DELETE", f"/Users/{ada}") == (404, None)
    assert [state for state, _ in await states(directory.store)] == ["revoked"]
    await directory.add("ada")
    assert (await directory.roles())["ada"] == "viewer"
    assert [state for state, _ in await states(directory.store)] == ["revoked"]


async def test_who_comes_inactive_does_not_belong(directory: Speaker) -> None:
    ada = await directory.add("ada", active=False)
    assert "ada" not in await directory.roles()
    await directory.send("PATCH", f"/Users/{ada}", ON)
    assert (await directory.roles())["ada"] == "viewer"


async def test_a_put_that_says_nothing_of_it_brings_nobody_back(directory: Speaker) -> None:
    ada = await directory.add("ada", active=False)
    answered = await directory.send("PUT", f"/Users/{ada}", person("ada", title="Countess"))
    assert (answered["active"], answered["title"]) == (False, "Countess")
    assert "ada" not in await directory.roles()


async def test_who_belonged_before_keeps_what_they_were_given(directory: Speaker) -> None:
    await add_account(directory.store, "bob", organization_id="org_1")
    await directory.add("bob")
    assert (await directory.roles())["bob"] == "maintainer"
    founder = await directory.add("founder")
    assert (await directory.roles())["founder"] == "admin"
    assert (await directory.send("GET", f"/Users/{founder}"))["userName"] == "founder@example.org"


async def test_the_last_admin_stays(directory: Speaker) -> None:
    founder = await directory.add("founder")
    for method, body in (("PATCH", OFF), ("DELETE", None), ("PUT", person("founder", active=False))):
        assert await directory.refused(method, f"/Users/{founder}", body) == (409, None)
    assert await directory.roles() == {"founder": "admin"}
    assert (await directory.send("GET", f"/Users/{founder}")).get("active") is None


async def test_hands_can_give_more_than_the_directory_and_not_less(directory: Speaker) -> None:
    ada = await directory.add("ada")
    admins = await directory.group("Admins", ada)
    caller = admin_of("org_1")

    async def set_role(role: Role) -> None:
        async with directory.store.transaction("org_1") as unit:
            member = await unit.members.of_user((await account(directory.store, "ada")).id)
            assert member is not None
            await members.change_role(unit, caller, member.membership.id, role)

    await set_role("maintainer")
    assert (await directory.roles())["ada"] == "maintainer"
    await directory.map(admins, "admin")
    assert (await directory.roles())["ada"] == "admin"
    with pytest.raises(ManagedByDirectory):
        await set_role("viewer")
    await directory.send("PATCH", f"/Groups/{admins}", patch({"op": "remove", "path": "members"}), 204)
    assert (await directory.roles())["ada"] == "maintainer"
    await set_role("viewer")
    assert (await directory.roles())["ada"] == "viewer"


async def test_who_was_removed_by_hand_stays_out_until_the_directory_brings_them_back(directory: Speaker) -> None:
    ada = await directory.add("ada")
    group = await directory.group("Engineers")
    await directory.map(group, "maintainer")
    async with directory.store.transaction("org_1") as unit:
        member = await unit.members.of_user((await account(directory.store, "ada")).id)
        assert member is not None
        await members.remove_member(unit, admin_of("org_1"), member.membership.id)
    await directory.send(
        "PATCH", f"/Groups/{group}", patch({"op": "add", "path": "members", "value": listed(ada)}), 204
    )
    assert "ada" not in await directory.roles()
    await directory.send("PATCH", f"/Users/{ada}", OFF)
    await directory.send("PATCH", f"/Users/{ada}", ON)
    assert (await directory.roles())["ada"] == "maintainer"


async def test_names_and_accounts_are_used_once(directory: Speaker) -> None:
    await directory.add("ada")
    assert await directory.refused("POST", "/Users", person("ada")) == (409, "uniqueness")
    assert await directory.refused("POST", "/Users", person("ADA")) == (409, "uniqueness")
    same = {"userName": "lovelace", "emails": [{"value": "Ada@Example.org"}], "schemas": person("x")["schemas"]}
    assert await directory.refused("POST", "/Users", same) == (409, "uniqueness")
    bob = await directory.add("bob")
    assert await directory.refused("PUT", f"/Users/{bob}", person("ada")) == (409, "uniqueness")
    assert len(await directory.found("userName pr")) == 2


@pytest.mark.parametrize(
    ("emails", "expected"),
    [
        ([{"value": "a@example.org"}, {"value": "b@example.org", "primary": True}], "b"),
        ([{"value": "a@example.org", "type": "home"}, {"value": "b@example.org", "type": "Work"}], "b"),
        ([{"value": "a@example.org"}, {"value": "b@example.org"}], "a"),
        ([{"value": "no address", "primary": True}, {"value": "b@example.org"}], "b"),
        ([], "name"),
    ],
)
async def test_which_address_is_the_accounts(directory: Speaker, emails: list[object], expected: str) -> None:
    await directory.add("name", emails=emails)
    assert set(await directory.roles()) == {"founder", expected}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"displayName": "Ada"}, "Ada"),
        ({"name": {"formatted": "Ada L."}}, "Ada L."),
        ({"name": {"givenName": "Ada", "familyName": "Lovelace"}}, "Ada Lovelace"),
        ({"displayName": "\u200b", "name": {"familyName": "Lovelace"}}, "Lovelace"),
        ({"displayName": "A" * 500}, "A" * 128),
        ({}, "ada"),
    ],
)
async def test_what_a_new_account_is_called(directory: Speaker, said: dict[str, object], name: str) -> None:
    await directory.add("ada", **said)
    assert (await account(directory.store, "ada")).name == name


async def test_the_trail_says_what_the_directory_did(directory: Speaker) -> None:
    ada = await directory.add("ada")
    group = await directory.group("Engineers", ada)
    await directory.send("PATCH", f"/Users/{ada}", OFF)
    await directory.send("DELETE", f"/Groups/{group}", status=204)
    await directory.send("DELETE", f"/Users/{ada}", status=204)
    founder = await directory.add("founder")
    assert await directory.refused("DELETE", f"/Users/{founder}") == (409, None)
    entries = [one for one in await trail(directory.store) if one.actor_kind == "directory"]
    assert {(one.organization_id, one.actor_id[:4]) for one in entries} == {("org_1", "dtk_")}
    assert [one.action for one in entries] == [
        "user.created",
        "directory_person.created",
        "membership.created",
        "directory_group.created",
        "directory_person.changed",
        "membership.removed",
        "directory_group.removed",
        "directory_person.removed",
        "directory_person.created",
        "directory.refused",
    ]
    assert (entries[-1].resource_id, "last_admin" in str(entries[-1].after)) == (founder, True)
