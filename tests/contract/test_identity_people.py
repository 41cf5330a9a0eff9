"""The contract of `identity.ports.Store` for people and places, held by every adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.contracts import (
    Invitation,
    KeyOwner,
    KeyView,
    Membership,
    Organization,
    Project,
    Role,
    ServiceAccount,
    Suspension,
    User,
)
from headworks.identity.errors import AlreadyInvited, AlreadyMember, EmailInUse, KeyExists, NameInUse
from headworks.identity.ports import InvitationFilter, KeyFilter, ServiceAccountFilter, Store, UserFilter
from headworks.kernel.errors import HeadworksError, Stale
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import INFERENCE
from tests.contract.conftest import NOON

EVERY = PageRequest()
LATER = NOON + timedelta(days=1)


def user(name: str, *, operator: bool = False) -> User:
    return User(f"usr_{name}", f"{name}@Example.org", f"{name}@example.org", name, NOON, "system", is_operator=operator)


def membership(name: str, *, organization: int = 1, role: Role = "viewer") -> Membership:
    return Membership(f"mbr_{name}_{organization}", f"org_{organization}", f"usr_{name}", role, NOON, "system")


def invitation(name: str, *, organization: int = 1, number: int = 1) -> Invitation:
    return Invitation(
        f"inv_{name}_{organization}_{number}",
        f"org_{organization}",
        f"{name}@example.org",
        f"{name}@example.org",
        "viewer",
        f"{name}{organization}{number}".ljust(64, "0"),
        NOON,
        "system",
        LATER,
    )


def account(name: str, *, organization: int = 1) -> ServiceAccount:
    place = f"org_{organization}", f"prj_{organization}"
    return ServiceAccount(f"sva_{name}_{organization}", *place, name, "viewer", NOON, "system")


def key(number: int, owner: KeyOwner | None = None) -> KeyView:
    return KeyView(
        id=f"key_{number}",
        organization_id="org_1",
        project_id="prj_1",
        name=f"Key {number}",
        kind="inference",
        permissions=INFERENCE,
        key_hash=f"{number:064x}",
        prefix="hw_sk_",
        last4="abcd",
        created_at=NOON,
        created_by="system",
        owner=owner,
    )


async def populate(store: Store) -> None:
    """Ada is in both organisations, Bob in the second alone."""
    async with store.operate() as unit:
        for one in (user("ada"), user("bob")):
            await unit.users.add(one)
        await unit.within("org_1").members.add(membership("ada", role="admin"))
        await unit.within("org_2").members.add(membership("ada", organization=2))
        await unit.within("org_2").members.add(membership("bob", organization=2, role="admin"))
        for number in (1, 2):
            await unit.within(f"org_{number}").invitations.add(invitation("cy", organization=number))
            await unit.within(f"org_{number}").service_accounts.add(account("ci", organization=number))


async def test_an_organisation_sees_its_own_people(identity: Store) -> None:
    await populate(identity)
    async with identity.read("org_1") as reading:
        assert [one.user.id for one in (await reading.members.page(EVERY)).items] == ["usr_ada"]
        assert await reading.members.get("mbr_bob_2") is None
        assert await reading.members.of_user("usr_bob") is None
        assert await reading.members.of_email("bob@example.org") is None
        found = await reading.members.of_email("ada@example.org")
        assert found is not None
        assert (found.user, found.membership) == (user("ada"), membership("ada", role="admin"))
        assert await reading.invitations.get("inv_cy_2_1") is None
        assert [one.id for one in (await reading.invitations.page(InvitationFilter(), NOON, EVERY)).items] == [
            "inv_cy_1_1"
        ]
        assert await reading.service_accounts.get("sva_ci_2") is None
        assert [one.id for one in (await reading.service_accounts.page(ServiceAccountFilter(), EVERY)).items] == [
            "sva_ci_1"
        ]


async def test_what_another_organisation_has_is_not_changed(identity: Store) -> None:
    await populate(identity)
    async with identity.transaction("org_1") as unit:
        await unit.members.remove("mbr_bob_2")
        await unit.invitations.retire("inv_cy_2_1")
    async with identity.read("org_2") as reading:
        assert await reading.members.get("mbr_bob_2") is not None
        assert await reading.invitations.open_for("cy@example.org") is not None


async def test_what_is_written_comes_back(identity: Store) -> None:
    await populate(identity)
    changed_user = replace(user("ada"), name="Ada", state="disabled", is_operator=True, version=2)
    changed_account = replace(account("ci"), name="Build", role="admin", state="disabled", version=2)
    changed_project = Project("prj_1", "org_1", "Web", NOON, "archived", 2)
    changed_organization = Organization("org_1", "Research", NOON, "disabled", 2)
    async with identity.operate() as unit:
        await unit.users.replace(changed_user)
        await unit.within("org_1").service_accounts.replace(changed_account)
        await unit.within("org_1").projects.replace(changed_project)
        await unit.within("org_1").members.replace(replace(membership("ada", role="viewer"), version=2))
        await unit.organizations.replace(changed_organization)
    async with identity.overlook() as overview:
        assert await overview.users.get("usr_ada") == changed_user
        assert await overview.users.by_email("ada@example.org") == changed_user
        assert await overview.organizations.get("org_1") == changed_organization
    async with identity.read("org_1") as reading:
        assert await reading.service_accounts.get("sva_ci_1") == changed_account
        assert await reading.projects.get("prj_1") == changed_project
        found = await reading.members.get("mbr_ada_1")
        assert found is not None
        assert (found.membership.role, found.membership.version) == ("viewer", 2)


@pytest.mark.parametrize("version", [1, 3])
async def test_two_editors_do_not_overwrite_each_other(identity: Store, version: int) -> None:
    await populate(identity)
    async with identity.operate() as unit:
        within = unit.within("org_1")
        for replacing in (
            unit.users.replace(replace(user("ada"), version=version)),
            unit.organizations.replace(Organization("org_1", "Research", NOON, version=version)),
            within.projects.replace(Project("prj_1", "org_1", "Web", NOON, version=version)),
            within.service_accounts.replace(replace(account("ci"), version=version)),
            within.members.replace(replace(membership("ada"), version=version)),
        ):
            with pytest.raises(Stale):
                await replacing


async def test_names_and_addresses_are_not_shared(identity: Store) -> None:
    await populate(identity)

    async def refused(error: type[HeadworksError], *values: object) -> None:
        for value in values:
            with pytest.raises(error):
                async with identity.operate() as unit:
                    within = unit.within("org_1")
                    match value:
                        case User():
                            await unit.users.add(value)
                        case Organization():
                            await unit.organizations.add(value)
                        case Project():
                            await within.projects.add(value)
                        case ServiceAccount():
                            await within.service_accounts.add(value)
                        case Membership():
                            await within.members.add(value)
                        case Invitation():
                            await within.invitations.add(value)

    await refused(EmailInUse, replace(user("ada"), id="usr_9"))
    await refused(
        NameInUse, Organization("org_9", "ORGANISATION 1", NOON), Project("prj_9", "org_1", "project 1", NOON)
    )
    await refused(NameInUse, replace(account("ci"), id="sva_9", name="\uff43\uff49"))
    await refused(AlreadyMember, replace(membership("ada"), id="mbr_9"))
    await refused(AlreadyInvited, invitation("cy", number=2))
    async with identity.operate() as unit:
        await unit.within("org_2").projects.add(Project("prj_9", "org_2", "Project 1", NOON))


async def test_an_invitation_is_open_until_it_is_settled(identity: Store) -> None:
    await populate(identity)
    async with identity.transaction("org_1") as unit:
        await unit.invitations.retire("inv_cy_1_1")
        assert await unit.invitations.open_for("cy@example.org") is None
        second = invitation("cy", number=2)
        await unit.invitations.add(second)
        await unit.invitations.replace(replace(second, revoked_at=NOON))
        third = invitation("cy", number=3)
        await unit.invitations.add(third)
        await unit.invitations.replace(replace(third, accepted_at=NOON))
        await unit.invitations.add(invitation("cy", number=4))
    async with identity.overlook() as overview:
        assert await overview.invitation_by_token(third.token_hash) == replace(third, accepted_at=NOON)
        assert await overview.invitation_by_token("f" * 64) is None
    async with identity.read("org_1") as reading:
        for state, at, numbers in (
            (None, NOON, [4, 3, 2, 1]),
            ("pending", NOON, [4, 1]),
            ("expired", LATER, [4, 1]),
            ("revoked", LATER, [2]),
            ("accepted", LATER, [3]),
        ):
            page = await reading.invitations.page(InvitationFilter(state), at, EVERY)  # type: ignore[arg-type]
            assert [one.id for one in page.items] == [f"inv_cy_1_{number}" for number in numbers], state


async def test_admins_and_operators_are_those_who_can_act(identity: Store) -> None:
    await populate(identity)
    async with identity.operate() as unit:
        await unit.users.add(user("root", operator=True))
        await unit.users.add(replace(user("gone", operator=True), state="disabled"))
        await unit.within("org_1").members.add(membership("gone", role="admin"))
        assert [one.id for one in await unit.users.operators()] == ["usr_root"]
        assert [one.user.id for one in await unit.within("org_1").members.admins()] == ["usr_ada"]
        assert [one.id for one in await unit.users.memberships("usr_ada")] == ["mbr_ada_1", "mbr_ada_2"]
        await unit.organizations.replace(Organization("org_2", "Organisation 2", NOON, "disabled", 2))
        assert [one.id for one in await unit.users.memberships("usr_ada")] == ["mbr_ada_1"]
    async with identity.overlook() as overview:
        found = await overview.users.page(UserFilter(state="disabled"), EVERY)
        assert [one.id for one in found.items] == ["usr_gone"]
        found = await overview.users.page(UserFilter(email_key="bob@example.org"), EVERY)
        assert [one.id for one in found.items] == ["usr_bob"]


ADA = KeyOwner("user", "usr_ada", "ada", "admin")
CI = KeyOwner("service_account", "sva_ci_1", "ci", "viewer")


@pytest.mark.parametrize(
    ("owner", "change", "why"),
    [
        (None, Organization("org_1", "Organisation 1", NOON, "disabled", 2), "organization_disabled"),
        (None, Project("prj_1", "org_1", "Project 1", NOON, "archived", 2), "project_archived"),
        (ADA, replace(user("ada"), state="disabled", version=2), "owner_disabled"),
        (ADA, "leave", "owner_left"),
        (CI, replace(account("ci"), state="disabled", version=2), "owner_disabled"),
    ],
)
async def test_a_key_hangs_on_where_and_whose_it_is(
    identity: Store, owner: KeyOwner | None, change: object, why: Suspension
) -> None:
    await populate(identity)
    async with identity.operate() as unit:
        within = unit.within("org_1")
        await within.keys.add([key(1, owner)])
        assert await within.keys.get("key_1") == key(1, owner)
        match change:
            case Organization():
                await unit.organizations.replace(change)
            case Project():
                await within.projects.replace(change)
            case User():
                await unit.users.replace(change)
            case ServiceAccount():
                await within.service_accounts.replace(change)
            case _:
                await within.members.remove("mbr_ada_1")
    async with identity.overlook() as overview:
        found = await overview.key_by_hash(key(1).key_hash)
        assert found is not None
        assert (found.suspension, found.state(NOON)) == (why, "suspended")
    async with identity.read("org_1") as reading:
        assert [one.id for one in (await reading.keys.page(KeyFilter(state="suspended"), NOON, EVERY)).items] == [
            "key_1"
        ]
        assert (await reading.keys.page(KeyFilter(state="active"), NOON, EVERY)).total == 0


async def test_keys_that_hang_on_nothing_amiss_are_active(identity: Store) -> None:
    await populate(identity)
    async with identity.operate() as unit:
        await unit.users.add(user("root", operator=True))
        root = KeyOwner("user", "usr_root", "root", None, is_operator=True)
        await unit.within("org_1").keys.add([key(1), key(2, ADA), key(3, CI), key(4, root)])
    async with identity.read("org_1") as reading:
        active = await reading.keys.page(KeyFilter(state="active"), NOON, EVERY)
        assert [one.owner for one in active.items] == [root, CI, ADA, None]
        assert (await reading.keys.page(KeyFilter(state="suspended"), NOON, EVERY)).total == 0
        assert [one.id for one in (await reading.keys.page(KeyFilter(owner_id="usr_ada"), NOON, EVERY)).items] == [
            "key_2"
        ]


async def test_a_rotated_key_is_found_by_both_secrets(identity: Store) -> None:
    former, current = f"{1:064x}", "e" * 64
    rotated = replace(key(1), key_hash=current, previous_hash=former, previous_until=LATER, version=2)
    async with identity.transaction("org_1") as unit:
        await unit.keys.add([key(1)])
        await unit.keys.replace(rotated)
    async with identity.overlook() as overview:
        assert await overview.key_by_hash(current) == rotated
        assert await overview.key_by_hash(former) == replace(rotated, expires_at=LATER)
    with pytest.raises(KeyExists):
        async with identity.transaction("org_1") as unit:
            await unit.keys.add([replace(key(2), key_hash=former)])


async def test_limits_of_a_key_come_back(identity: Store) -> None:
    held = replace(
        key(1), allowed_models=("a",), allowed_endpoints=("models",), allowed_addresses=("10.0.0.0/8", "2001:db8::/32")
    )
    async with identity.transaction("org_1") as unit:
        await unit.keys.add([held])
        assert await unit.keys.get("key_1") == held
