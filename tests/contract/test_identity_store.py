"""The contract of `identity.ports.Store` for keys, held by every adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.contracts import KeyKind, KeyState, KeyView, Organization
from headworks.identity.errors import KeyExists
from headworks.identity.ports import KeyFilter, Store
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import INFERENCE, MANAGEMENT
from tests.contract.conftest import NOON, Announced

EVERY = PageRequest()


def key(number: int, *, organization: int = 1, kind: KeyKind = "inference") -> KeyView:
    return KeyView(
        id=f"key_{number}",
        organization_id=f"org_{organization}",
        project_id=f"prj_{organization}",
        name=f"Key {number}",
        kind=kind,
        permissions=INFERENCE if kind == "inference" else frozenset({"keys:read", "keys:write"}),
        key_hash=f"{number:064x}",
        prefix="hw_sk_",
        last4="abcd",
        created_at=NOON + timedelta(microseconds=number),
        created_by="system",
        allowed_models=("a/b", "ü") if number % 2 else None,
    )


async def add(identity: Store, *keys: KeyView) -> None:
    async with identity.operate() as unit:
        for one in keys:
            await unit.within(one.organization_id).keys.add([one])


async def found(identity: Store, wanted: KeyFilter, page: PageRequest = EVERY) -> list[str]:
    async with identity.read("org_1") as reading:
        return [one.id for one in (await reading.keys.page(wanted, NOON, page)).items]


async def test_a_key_comes_back_as_it_was(identity: Store) -> None:
    whole = replace(
        key(1), expires_at=NOON, revoked_at=NOON, last_used_at=NOON + timedelta(microseconds=7), permissions=MANAGEMENT
    )
    await add(identity, whole, key(2))
    async with identity.read("org_1") as reading:
        assert await reading.keys.get("key_1") == whole
        assert await reading.keys.get("key_2") == key(2)
    async with identity.overlook() as overview:
        assert await overview.key_by_hash(whole.key_hash) == whole


async def test_what_is_not_there_is_none(identity: Store) -> None:
    await add(identity, key(1))
    async with identity.read("org_1") as reading:
        assert await reading.keys.get("key_9") is None
        assert await reading.projects.get("prj_9") is None
    async with identity.overlook() as overview:
        assert await overview.key_by_hash("f" * 64) is None


async def test_an_organisation_sees_its_own(identity: Store) -> None:
    await add(identity, key(1), key(2, organization=2))
    async with identity.read("org_2") as reading:
        assert await reading.keys.get("key_1") is None
        assert await reading.projects.get("prj_1") is None
        assert await reading.keys.names({"key_1", "key_2"}) == {"key_2": "Key 2"}
        assert [one.id for one in (await reading.projects.page(EVERY)).items] == ["prj_2"]
        assert await reading.organization() == Organization("org_2", "Organisation 2", NOON)
    async with identity.overlook() as overview:
        assert [one.id for one in (await overview.organizations.page(EVERY)).items] == ["org_1", "org_2"]
    assert await found(identity, KeyFilter()) == ["key_1"]


async def test_no_two_keys_have_one_hash(identity: Store) -> None:
    await add(identity, key(1))
    with pytest.raises(KeyExists):
        await add(identity, replace(key(2, organization=2), key_hash=key(1).key_hash))


async def test_nor_has_one_the_former_hash_of_another_organisations(identity: Store) -> None:
    await add(identity, replace(key(1), previous_hash=key(9).key_hash, previous_until=NOON))
    with pytest.raises(KeyExists):
        async with identity.transaction("org_2") as unit:
            await unit.keys.add([replace(key(2, organization=2), key_hash=key(9).key_hash)])
    async with identity.transaction("org_2") as unit:
        await unit.keys.add([key(2, organization=2)])
        assert await unit.keys.names({"key_1", "key_2"}) == {"key_2": "Key 2"}


async def test_keys_are_listed_the_newest_first_by_page(identity: Store) -> None:
    await add(identity, *(key(number) for number in range(1, 6)))
    assert await found(identity, KeyFilter(), PageRequest(1, 2)) == ["key_5", "key_4"]
    assert await found(identity, KeyFilter(), PageRequest(3, 2)) == ["key_1"]
    assert await found(identity, KeyFilter(), PageRequest(4, 2)) == []
    async with identity.read("org_1") as reading:
        assert (await reading.keys.page(KeyFilter(), NOON, PageRequest(1, 2))).total == 5


@pytest.mark.parametrize(
    ("state", "ids"),
    [
        (None, ["key_4", "key_3", "key_2", "key_1"]),
        ("active", ["key_4", "key_1"]),
        ("expired", ["key_2"]),
        ("revoked", ["key_3"]),
    ],
)
async def test_keys_are_listed_by_state(identity: Store, state: KeyState | None, ids: list[str]) -> None:
    later = NOON + timedelta(hours=1)
    await add(
        identity,
        key(1),
        replace(key(2), expires_at=NOON),
        replace(key(3), revoked_at=NOON, expires_at=NOON),
        replace(key(4), expires_at=later, revoked_at=later),
    )
    assert await found(identity, KeyFilter(state=state)) == ids


async def test_keys_are_listed_by_kind_and_project(identity: Store) -> None:
    await add(identity, key(1), key(2, kind="management"))
    assert await found(identity, KeyFilter(kind="management")) == ["key_2"]
    assert await found(identity, KeyFilter(project_id="prj_1")) == ["key_2", "key_1"]
    assert await found(identity, KeyFilter(project_id="prj_2")) == []


async def test_managers_are_management_keys_that_work(identity: Store) -> None:
    await add(identity, key(1), key(2, kind="management"), replace(key(3, kind="management"), revoked_at=NOON))
    await add(identity, replace(key(4, kind="management"), expires_at=NOON), key(5, kind="management", organization=2))
    async with identity.read("org_1") as reading:
        assert [one.id for one in await reading.keys.managers(NOON)] == ["key_2"]


async def test_a_use_moves_forward_only(identity: Store) -> None:
    await add(identity, key(1))
    async with identity.operate() as unit:
        await unit.record_use("key_1", NOON)
        await unit.record_use("key_1", NOON - timedelta(hours=1))
        await unit.record_use("key_9", NOON)
    async with identity.read("org_1") as reading:
        assert await reading.keys.get("key_1") == replace(key(1), last_used_at=NOON)


async def test_what_fails_leaves_nothing_and_tells_nothing(identity: Store, announced: Announced) -> None:
    with pytest.raises(RuntimeError):
        async with identity.transaction("org_1") as unit:
            await unit.keys.add([key(1)])
            unit.publish("never told")
            raise RuntimeError
    assert await found(identity, KeyFilter()) == []
    assert announced.events == []
