"""Who somebody of a directory is here, on either store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headworks.identity.commands.invitations import invite
from headworks.identity.commands.sso.connections import SsoChange, SsoOrder, add_connection, change_connection
from headworks.identity.commands.sso.joining import Joining
from headworks.identity.commands.sso.secrets import ClientSecrets
from headworks.identity.contracts import GroupRole, Role, SsoConnection, User
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.sso.claims import Person
from headworks.identity.errors import (
    MoreThanOwnRights,
    SsoEmailNotVerified,
    SsoNoRole,
    SsoNotAllowed,
    SsoNotForOperators,
)
from headworks.identity.ports import Store
from headworks.kernel.errors import Invalid
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer, Secret
from tests.unit.identity.conftest import NOON
from tests.unit.identity.people import join, operate

SECRETS = ClientSecrets(Sealer({"kek": bytes(32)}, "kek"), {})
ADA = Person("subject-1", "ada@example.org", is_verified=True, name="Ada", groups=frozenset({"g"}))


@pytest.fixture
async def connected(store: Store, admin: Principal) -> SsoConnection:
    order = SsoOrder(
        "Directory",
        "https://id.example",
        "c",
        ["example.org"],
        Secret("s3cret"),
        group_roles=[GroupRole("g", "maintainer"), GroupRole("v", "viewer")],
        joins=True,
    )
    async with store.transaction("org_1") as unit:
        return await add_connection(unit, SECRETS, admin, order, NOON, private_networks=False)


async def enter(store: Store, connection: SsoConnection, person: Person = ADA) -> User | SsoNotAllowed:
    async with store.operate() as unit:
        return await Joining(unit, connection, person, NOON)()


async def role_of(store: Store, user: object) -> Role | None:
    assert isinstance(user, User), user
    async with store.read("org_1") as reading:
        found = await reading.members.of_user(user.id)
    return None if found is None else found.membership.role


async def test_an_account_of_another_organisation_is_not_taken_over(store: Store, connected: SsoConnection) -> None:
    """An admin can run a directory that vouches for anybody's address."""
    await join(store, "ada", "admin", "org_2")
    found = await enter(store, connected)
    assert isinstance(found, SsoNotAllowed)
    assert "already" in found.message
    async with store.read("org_1") as reading:
        assert await reading.members.of_user("usr_ada") is None
        assert await reading.sso_connections.user_of(connected.id, ADA.subject) is None


async def test_a_member_is_found_by_their_address_once_and_by_their_subject_ever_after(
    store: Store, connected: SsoConnection
) -> None:
    await join(store, "ada", "viewer")
    first = await enter(store, connected)
    assert isinstance(first, User)
    assert (first.id, await role_of(store, first)) == ("usr_ada", "maintainer")
    moved = replace(ADA, email=None, is_verified=False, groups=frozenset({"v"}))
    assert await enter(store, connected, moved) == first
    assert await role_of(store, first) == "viewer"
    # Another person with the same address is the same account here, by the directory's word; an unverified one is nobody.
    other = await enter(store, connected, replace(ADA, subject="subject-2", is_verified=False))
    assert isinstance(other, SsoEmailNotVerified)


async def test_an_operator_is_never_found(store: Store, connected: SsoConnection, admin: Principal) -> None:
    await operate(store, "ada")
    async with store.transaction("org_1") as unit:
        await invite(unit, admin, "ada@example.org", "viewer", NOON)
    assert isinstance(await enter(store, connected), SsoNotForOperators)
    async with store.read("org_1") as reading:
        assert await reading.sso_connections.user_of(connected.id, ADA.subject) is None


async def test_who_becomes_an_operator_later_is_refused_too(store: Store, connected: SsoConnection) -> None:
    user = await enter(store, connected)
    assert isinstance(user, User)
    async with store.operate() as unit:
        await unit.users.replace(replace(user, is_operator=True, version=2))
    assert isinstance(await enter(store, connected), SsoNotForOperators)


async def test_a_disabled_user_stays_out(store: Store, connected: SsoConnection) -> None:
    user = await enter(store, connected)
    assert isinstance(user, User)
    async with store.operate() as unit:
        await unit.users.replace(replace(user, state="disabled", version=2))
    assert isinstance(await enter(store, connected), SsoNotAllowed)


async def test_a_domain_that_is_taken_away_takes_its_people_along(
    store: Store, connected: SsoConnection, admin: Principal
) -> None:
    assert isinstance(await enter(store, connected), User)
    change = SsoChange(allowed_domains=["other.example"])
    async with store.transaction("org_1") as unit:
        changed = await change_connection(unit, SECRETS, admin, connected.id, change, private_networks=False)
    assert isinstance(await enter(store, changed), SsoNotAllowed)


async def test_without_groups_the_directory_has_no_say_in_roles(store: Store, connected: SsoConnection) -> None:
    free = replace(connected, group_roles=(), default_role="viewer")
    await join(store, "ada", "maintainer")
    assert await role_of(store, await enter(store, free)) == "maintainer"
    bob = replace(ADA, subject="subject-2", email="bob@example.org")
    assert await role_of(store, await enter(store, free, bob)) == "viewer"
    cyd = replace(ADA, subject="subject-3", email="cyd@example.org")
    assert isinstance(await enter(store, replace(free, default_role=None), cyd), SsoNoRole)


async def test_the_last_admin_is_kept_whatever_the_directory_says(store: Store, connected: SsoConnection) -> None:
    await join(store, "ada", "admin")
    for groups in ({"v"}, set()):
        found = await enter(store, connected, replace(ADA, groups=frozenset(groups)))
        assert await role_of(store, found) == "admin"
    await join(store, "bob", "admin")
    assert await role_of(store, await enter(store, connected, replace(ADA, groups=frozenset({"v"})))) == "viewer"
    # Bob is the last one now, and the groups say that he is none.
    bob = Person("subject-2", "bob@example.org", is_verified=True, name=None, groups=frozenset())
    assert await role_of(store, await enter(store, connected, bob)) == "admin"


async def test_a_member_without_a_role_is_one_no_more(store: Store, connected: SsoConnection) -> None:
    user = await enter(store, connected)
    assert isinstance(await enter(store, connected, replace(ADA, groups=frozenset())), SsoNoRole)
    assert await role_of(store, user) is None
    # Their groups are back, and so are they.
    assert await role_of(store, await enter(store, connected)) == "maintainer"


async def test_another_issuer_knows_nobody(store: Store, connected: SsoConnection, admin: Principal) -> None:
    assert isinstance(await enter(store, connected), User)
    moved = SsoChange(issuer="https://other.example")
    async with store.transaction("org_1") as unit:
        with pytest.raises(Invalid) as refused:
            await change_connection(unit, SECRETS, admin, connected.id, moved, private_networks=False)
    assert refused.value.details[0].code == "secret_missing"
    moved = replace(moved, client_secret=Secret("another"))
    async with store.transaction("org_1") as unit:
        changed = await change_connection(unit, SECRETS, admin, connected.id, moved, private_networks=False)
        assert await unit.sso_connections.user_of(connected.id, ADA.subject) is None
    assert SECRETS.open(changed).reveal() == "another"


async def test_nobody_lets_others_in_as_more_than_they_are(store: Store, admin: Principal) -> None:
    limited = replace(admin, permissions=permissions_of("maintainer") | {"sso-connections:write"})
    order = SsoOrder("D", "https://id.example", "c", ["example.org"], Secret("s"))
    for more in (
        replace(order, default_role="admin"),
        replace(order, group_roles=[GroupRole("g", "viewer"), GroupRole("h", "admin")]),
    ):
        async with store.transaction("org_1") as unit:
            with pytest.raises(MoreThanOwnRights):
                await add_connection(unit, SECRETS, limited, more, NOON, private_networks=False)
    for less in (replace(order, client_secret=None), replace(order, client_secret_reference="env:X")):
        async with store.transaction("org_1") as unit:
            with pytest.raises(Invalid):
                await add_connection(unit, SECRETS, admin, less, NOON, private_networks=False)
