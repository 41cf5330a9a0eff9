from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.commands import keys as commands
from headworks.identity.commands.keys import IssuedKey, KeyChange, KeyOrder
from headworks.identity.contracts import KeyView
from headworks.identity.domain.keys import hash_key, is_well_formed
from headworks.identity.errors import (
    KeyExists,
    KeyIsRevoked,
    KeyNotFound,
    LastManagementKey,
    MoreThanOwnRights,
    ProjectNotFound,
)
from headworks.identity.ports import Store
from headworks.kernel.errors import HeadworksError, Invalid
from headworks.kernel.permissions import INFERENCE, MANAGEMENT
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON, Told

LATER = NOON + timedelta(hours=1)


async def create(store: Store, caller: Principal, order: KeyOrder) -> IssuedKey:
    async with store.transaction(caller.organization_id) as unit:
        return await commands.create_key(unit, caller, order, NOON)


async def change(store: Store, caller: Principal, key_id: str, wanted: KeyChange) -> KeyView:
    async with store.transaction(caller.organization_id) as unit:
        return await commands.change_key(unit, caller, key_id, wanted, NOON)


async def revoke(store: Store, caller: Principal, key_id: str) -> None:
    async with store.transaction(caller.organization_id) as unit:
        await commands.revoke_key(unit, caller, key_id, NOON)


async def stored(store: Store, key_id: str) -> KeyView | None:
    async with store.read("org_1") as reading:
        return await reading.keys.get(key_id)


async def test_a_key_is_made_and_told(store: Store, admin: Principal, told: Told) -> None:
    issued = await create(store, admin, KeyOrder(" Mine ", expires_at=LATER, allowed_models=["a"]))
    assert issued.key is not None
    assert is_well_formed(issued.key.reveal())
    assert issued.view.key_hash == hash_key(issued.key.reveal())
    assert await stored(store, issued.view.id) == issued.view
    assert (issued.view.name, issued.view.project_id, issued.view.created_by) == ("Mine", "prj_1", "key_admin")
    assert issued.view.permissions == INFERENCE
    assert told.take() == [issued.view.key_hash]


async def test_a_management_key_gets_what_its_creator_has(store: Store, admin: Principal) -> None:
    assert (await create(store, admin, KeyOrder("m", "management"))).view.permissions == MANAGEMENT


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (KeyOrder(""), Invalid),
        (KeyOrder("x", project_id="prj_2"), ProjectNotFound),
        (KeyOrder("x", expires_at=NOON), Invalid),
        (KeyOrder("x", allowed_models=[]), Invalid),
        (KeyOrder("x", sha256="nonsense"), Invalid),
        (KeyOrder("x", "management", sha256="0" * 64), Invalid),
        (KeyOrder("x", "management", permissions=[]), Invalid),
    ],
)
async def test_a_wrong_order_makes_nothing(
    store: Store, admin: Principal, told: Told, order: KeyOrder, error: type[HeadworksError]
) -> None:
    with pytest.raises(error):
        await create(store, admin, order)
    assert told.take() == []


async def test_a_key_is_imported_by_its_hash(store: Store, admin: Principal, stranger: Principal) -> None:
    issued = await create(store, admin, KeyOrder("old", sha256=hash_key("sk-elsewhere")))
    assert issued.key is None
    assert issued.view.key_hash == hash_key("sk-elsewhere")
    assert (issued.view.prefix, issued.view.last4) == ("", "")
    with pytest.raises(KeyExists):
        await create(store, admin, KeyOrder("again", sha256=hash_key("sk-elsewhere")))
    with pytest.raises(MoreThanOwnRights, match="installation:operate"):
        await create(store, stranger, KeyOrder("x", sha256=hash_key("another")))


async def test_a_key_is_changed_and_told(store: Store, admin: Principal, told: Told) -> None:
    key = (await create(store, admin, KeyOrder("a", expires_at=LATER, allowed_models=["m"]))).view
    told.take()
    assert await change(store, admin, key.id, KeyChange()) == key
    assert (await change(store, admin, key.id, KeyChange(name="b"))).name == "b"
    assert (await change(store, admin, key.id, KeyChange(allowed_models=["n"]))).allowed_models == ("n",)
    freed = await change(store, admin, key.id, KeyChange(cleared=frozenset({"expires_at", "allowed_models"})))
    assert (freed.expires_at, freed.allowed_models) == (None, None)
    assert await stored(store, key.id) == freed
    assert told.take() == [key.key_hash] * 3, "a change that changes nothing is not told"


async def test_a_revoked_key_stays_so(store: Store, admin: Principal, told: Told) -> None:
    key = (await create(store, admin, KeyOrder("a"))).view
    told.take()
    await revoke(store, admin, key.id)
    assert told.take() == [key.key_hash]
    await revoke(store, admin, key.id)
    assert told.take() == []
    assert await stored(store, key.id) == replace(key, revoked_at=NOON, version=2)
    with pytest.raises(KeyIsRevoked):
        await change(store, admin, key.id, KeyChange(name="b"))


async def test_another_organisation_cannot_touch_it(store: Store, admin: Principal, stranger: Principal) -> None:
    key = (await create(store, admin, KeyOrder("a"))).view
    with pytest.raises(KeyNotFound):
        await change(store, stranger, key.id, KeyChange(name="b"))
    with pytest.raises(KeyNotFound):
        await revoke(store, stranger, key.id)
    assert await stored(store, key.id) == key


async def test_a_lesser_key_does_not_touch_a_greater_one(store: Store, admin: Principal) -> None:
    greater = (await create(store, admin, KeyOrder("great", "management"))).view
    lesser = Principal("key_lesser", "key", "org_1", "prj_1", frozenset({"keys:read", "keys:write"}))
    with pytest.raises(MoreThanOwnRights):
        await change(store, lesser, greater.id, KeyChange(name="b"))
    with pytest.raises(MoreThanOwnRights):
        await revoke(store, lesser, greater.id)


async def test_the_last_key_that_makes_keys_stays(store: Store, admin: Principal) -> None:
    first = (await create(store, admin, KeyOrder("first", "management"))).view
    reader = (await create(store, admin, KeyOrder("reader", "management", permissions=["keys:read"]))).view
    with pytest.raises(LastManagementKey):
        await revoke(store, admin, first.id)
    await revoke(store, admin, reader.id)
    second = (await create(store, admin, KeyOrder("second", "management"))).view
    await revoke(store, admin, first.id)
    with pytest.raises(LastManagementKey):
        await revoke(store, admin, second.id)
