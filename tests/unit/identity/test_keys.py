"""Whose a key is, what it is held to, and its rotation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.commands import keys, members, rotation, service_accounts
from headworks.identity.commands.keys import IssuedKey, KeyChange, KeyOrder
from headworks.identity.commands.service_accounts import ServiceAccountChange, ServiceAccountOrder
from headworks.identity.contracts import ManyKeysChanged, ServiceAccount
from headworks.identity.domain.keys import hash_key
from headworks.identity.domain.roles import permissions_of
from headworks.identity.errors import (
    AddressNotAllowed,
    InvalidKey,
    KeyExists,
    KeyIsRevoked,
    MoreThanOwnRights,
    NotActive,
    UnknownServiceAccount,
)
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import KeyFilter, Store
from headworks.kernel.errors import HeadworksError, Invalid, Stale
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import INFERENCE
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON, Told
from tests.unit.identity.people import join

HOUR = timedelta(hours=1)


async def create(store: Store, caller: Principal, order: KeyOrder) -> IssuedKey:
    async with store.transaction(caller.organization_id) as unit:
        return await keys.create_key(unit, caller, order, NOON)


async def rotate(
    store: Store, caller: Principal, key_id: str, seconds: int = 3600, seen: int | None = None
) -> IssuedKey:
    async with store.transaction(caller.organization_id) as unit:
        return await rotation.rotate_key(unit, caller, key_id, seconds, NOON, seen)


async def account(store: Store, caller: Principal, order: ServiceAccountOrder) -> ServiceAccount:
    async with store.transaction(caller.organization_id) as unit:
        return await service_accounts.create_service_account(unit, caller, order, NOON)


async def who(store: Store, issued: IssuedKey, source: str | None = None, after: timedelta = timedelta(0)) -> Principal:
    assert issued.key is not None
    return await IdentityFacade(store, lambda: NOON + after).authenticate(issued.key.reveal(), source)


class TestOwners:
    async def test_a_users_key_acts_as_the_user(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        issued = await create(store, ada, KeyOrder("mine", "management"))
        caller = await who(store, issued)
        assert (caller.id, caller.kind, caller.key_id) == ("usr_ada", "user", issued.view.id)
        assert caller.permissions == permissions_of("admin")

    async def test_it_may_no_more_than_its_user_may_now(self, store: Store, admin: Principal) -> None:
        ada, _ = await join(store, "ada", "admin"), await join(store, "bob", "admin")
        issued = await create(store, ada, KeyOrder("mine", "management"))
        async with store.transaction("org_1") as unit:
            await members.change_role(unit, admin, "mbr_ada_org_1", "viewer")
        assert (await who(store, issued)).permissions == permissions_of("viewer")

    async def test_a_projects_key_outlives_its_maker(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        issued = await create(store, ada, KeyOrder("shared", "management", owner="project"))
        assert issued.view.owner is None
        assert ((await who(store, issued)).kind, (await who(store, issued)).id) == ("key", issued.view.id)

    async def test_an_accounts_key_acts_as_the_account(self, store: Store) -> None:
        bob = await join(store, "bob", "maintainer")
        ci = await account(store, bob, ServiceAccountOrder("ci"))
        issued = await create(store, bob, KeyOrder("ci", "management", service_account_id=ci.id))
        caller = await who(store, issued)
        assert (caller.id, caller.kind, caller.project_id) == (ci.id, "service_account", "prj_1")
        assert caller.permissions == permissions_of("viewer")
        async with store.transaction("org_1") as unit:
            await service_accounts.change_service_account(unit, bob, ci.id, ServiceAccountChange(state="disabled"))
        with pytest.raises(InvalidKey, match="owner is disabled"):
            await who(store, issued)
        with pytest.raises(NotActive):
            await create(store, bob, KeyOrder("more", service_account_id=ci.id))

    async def test_an_account_makes_keys_of_its_own(self, store: Store, admin: Principal) -> None:
        ci = await account(store, admin, ServiceAccountOrder("ci", "maintainer"))
        itself = Principal(ci.id, "service_account", "org_1", "prj_1", permissions_of("maintainer"))
        owner = (await create(store, itself, KeyOrder("child"))).view.owner
        assert owner is not None
        assert (owner.kind, owner.id) == ("service_account", ci.id)

    async def test_what_is_refused(self, store: Store, admin: Principal, stranger: Principal) -> None:
        bob = await join(store, "bob", "maintainer")
        root = await account(store, admin, ServiceAccountOrder("root", "admin"))
        theirs = await account(store, stranger, ServiceAccountOrder("theirs"))
        mine = await account(store, bob, ServiceAccountOrder("mine"))
        wrong: list[tuple[KeyOrder, type[HeadworksError]]] = [
            (KeyOrder("x", service_account_id=root.id), MoreThanOwnRights),
            (KeyOrder("x", service_account_id=theirs.id), UnknownServiceAccount),
            (KeyOrder("x", service_account_id=mine.id, project_id="prj_2"), Invalid),
            (KeyOrder("x", "management", permissions=["keys:write"], service_account_id=mine.id), MoreThanOwnRights),
        ]
        for order, error in wrong:
            with pytest.raises(error):
                await create(store, bob, order)


class TestScopes:
    async def test_a_scope_stands_for_permissions(self, store: Store) -> None:
        bob = await join(store, "bob", "maintainer")
        inference = await create(store, bob, KeyOrder("i", scopes=["inference"]))
        assert inference.view.kind == "inference"
        assert inference.view.permissions == INFERENCE
        reader = await create(store, bob, KeyOrder("r", scopes=["management:read"]))
        assert reader.view.permissions == permissions_of("viewer")
        writer = await create(store, bob, KeyOrder("w", scopes=["management:write"]))
        assert writer.view.permissions == permissions_of("maintainer")

    async def test_writing_does_not_make_an_operator(self, store: Store, admin: Principal) -> None:
        issued = await create(store, admin, KeyOrder("w", scopes=["management:read", "management:write"]))
        assert not issued.view.permissions & {"installation:operate"}

    @pytest.mark.parametrize(
        "order",
        [
            KeyOrder("x", scopes=[]),
            KeyOrder("x", scopes=["inference", "management:read"]),
            KeyOrder("x", scopes=["inference"], permissions=["inference"]),
            KeyOrder("x", "management", scopes=["inference"]),
        ],
    )
    async def test_what_makes_no_sense(self, store: Store, admin: Principal, order: KeyOrder) -> None:
        with pytest.raises(Invalid):
            await create(store, admin, order)


class TestNetworks:
    async def test_a_management_key_is_held_to_its_networks(self, store: Store, admin: Principal) -> None:
        issued = await create(
            store, admin, KeyOrder("m", "management", allowed_addresses=["10.0.0.0/8", "2001:db8::1"])
        )
        assert issued.view.allowed_addresses == ("10.0.0.0/8", "2001:db8::1/128")
        for inside in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
            assert (await who(store, issued, inside)).key_id == issued.view.id
        for outside in ("11.0.0.1", "2001:db8::2", "nonsense", "", None):
            with pytest.raises(AddressNotAllowed):
                await who(store, issued, outside)


class TestRotation:
    async def test_both_secrets_work_until_the_overlap_ends(self, store: Store, admin: Principal, told: Told) -> None:
        issued = await create(store, admin, KeyOrder("m", "management"))
        told.take()
        rotated = await rotate(store, admin, issued.view.id, seen=1)
        assert rotated.key is not None
        assert (rotated.view.id, rotated.view.version) == (issued.view.id, 2)
        assert rotated.view.previous_until == NOON + HOUR
        assert told.take() == [issued.view.key_hash, rotated.view.key_hash]
        last = HOUR - timedelta(microseconds=1)
        assert (await who(store, issued, after=last)).key_id == (await who(store, rotated, after=last)).key_id
        with pytest.raises(InvalidKey, match="expired since"):
            await who(store, issued, after=HOUR)
        await who(store, rotated, after=HOUR)

    async def test_without_an_overlap_the_former_secret_ends_at_once(self, store: Store, admin: Principal) -> None:
        issued = await create(store, admin, KeyOrder("m", "management"))
        rotated = await rotate(store, admin, issued.view.id, 0)
        with pytest.raises(InvalidKey, match="not known"):
            await who(store, issued)
        await who(store, rotated)

    async def test_two_secrets_work_at_a_time(self, store: Store, admin: Principal, told: Told) -> None:
        first = await create(store, admin, KeyOrder("m", "management"))
        second = await rotate(store, admin, first.view.id)
        told.take()
        third = await rotate(store, admin, first.view.id)
        assert set(told.take()) == {first.view.key_hash, second.view.key_hash, third.view.key_hash}
        with pytest.raises(InvalidKey):
            await who(store, first)
        await who(store, second)
        await who(store, third)

    async def test_revoking_ends_both(self, store: Store, admin: Principal, told: Told) -> None:
        await create(store, admin, KeyOrder("other", "management"))
        issued = await create(store, admin, KeyOrder("m", "management"))
        rotated = await rotate(store, admin, issued.view.id)
        told.take()
        async with store.transaction("org_1") as unit:
            await keys.revoke_key(unit, admin, issued.view.id, NOON)
        assert set(told.take()) == {issued.view.key_hash, rotated.view.key_hash}
        for one in (issued, rotated):
            with pytest.raises(InvalidKey, match="revoked"):
                await who(store, one)
        with pytest.raises(KeyIsRevoked):
            await rotate(store, admin, issued.view.id)

    async def test_nobody_is_shown_the_secret_of_anothers_key(self, store: Store, admin: Principal) -> None:
        ada = await join(store, "ada", "admin")
        issued = await create(store, ada, KeyOrder("mine"))
        with pytest.raises(MoreThanOwnRights):
            await rotate(store, admin, issued.view.id)
        await rotate(store, ada, issued.view.id)

    async def test_what_is_refused(self, store: Store, admin: Principal) -> None:
        issued = await create(store, admin, KeyOrder("m"))
        for seconds in (-1, 30 * 24 * 3600 + 1):
            with pytest.raises(Invalid):
                await rotate(store, admin, issued.view.id, seconds)
        with pytest.raises(Stale):
            await rotate(store, admin, issued.view.id, seen=9)


class TestManyAtOnce:
    async def count(self, store: Store) -> int:
        async with store.read("org_1") as reading:
            return (await reading.keys.page(KeyFilter(), NOON, PageRequest())).total

    async def test_all_are_made(self, store: Store, admin: Principal, bus: EventBus, told: Told) -> None:
        many: list[ManyKeysChanged] = []
        bus.subscribe(ManyKeysChanged, many.append)
        orders = [KeyOrder(f"k{number}", sha256=hash_key(f"sk-{number}")) for number in range(999)] + [KeyOrder("own")]
        async with store.transaction("org_1") as unit:
            issued = await keys.create_keys(unit, admin, orders, NOON)
        assert [one.view.name for one in issued] == [one.name for one in orders]
        assert await self.count(store) == 1000
        assert (many, told.take()) == ([ManyKeysChanged("org_1")], [])
        async with store.transaction("org_1") as unit:
            few = await keys.create_keys(unit, admin, [KeyOrder("a"), KeyOrder("b")], NOON)
        assert told.take() == [one.view.key_hash for one in few]

    @pytest.mark.parametrize(
        ("orders", "error", "field"),
        [
            ([], Invalid, "keys"),
            ([KeyOrder("x")] * 1001, Invalid, "keys"),
            ([KeyOrder("a"), KeyOrder("")], Invalid, "keys.1.name"),
            ([KeyOrder("a", sha256="0" * 64), KeyOrder("b", sha256="0" * 64)], KeyExists, None),
        ],
    )
    async def test_or_none(
        self, store: Store, admin: Principal, orders: list[KeyOrder], error: type[HeadworksError], field: str | None
    ) -> None:
        with pytest.raises(error) as caught:
            async with store.transaction("org_1") as unit:
                await keys.create_keys(unit, admin, orders, NOON)
        assert [one.field for one in caught.value.details] == ([] if field is None else [field])
        assert await self.count(store) == 0


async def test_limits_are_changed_and_cleared(store: Store, admin: Principal) -> None:
    issued = await create(store, admin, KeyOrder("k", allowed_endpoints=["models"], allowed_addresses=["10.0.0.1"]))
    async with store.transaction("org_1") as unit:
        wanted = KeyChange(
            allowed_endpoints=["embeddings"], cleared=frozenset({"allowed_addresses"}), expected_version=1
        )
        changed = await keys.change_key(unit, admin, issued.view.id, wanted, NOON)
        assert (changed.allowed_endpoints, changed.allowed_addresses) == (("embeddings",), None)
        with pytest.raises(Stale):
            await keys.change_key(unit, admin, issued.view.id, replace(wanted, name="x"), NOON)
