from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA
from headworks.identity.commands import keys as commands
from headworks.identity.commands.keys import KeyOrder
from headworks.identity.contracts import User
from headworks.identity.domain.keys import generate_key, hash_key
from headworks.identity.errors import InvalidKey, WrongKindOfKey
from headworks.identity.facade import FirstKeys, IdentityFacade
from headworks.identity.ports import Installation, Store, UserFilter
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.errors import Invalid
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON


@pytest.fixture
async def empty(tmp_path: Path, bus: EventBus) -> AsyncIterator[IdentityFacade]:
    """An installation that was never started."""
    prepare_schema(tmp_path / "empty.sqlite3", SCHEMA)
    database = Database.sqlite(tmp_path / "empty.sqlite3")
    yield IdentityFacade(SqlStore(database, bus), lambda: NOON)
    await database.close()


async def test_a_first_start_makes_a_foothold_once(empty: IdentityFacade) -> None:
    kept: list[FirstKeys] = []
    first = await empty.ensure_access(has_credentials=False, keep=kept.append)
    assert first.keys == kept[0]
    again = await empty.ensure_access(has_credentials=True, keep=kept.append)
    assert (again.organization_id, again.keys) == (first.organization_id, None)
    assert len(kept) == 1
    caller = await empty.authenticate(kept[0].management.reveal())
    assert (caller.organization_id, caller.permissions) == (first.organization_id, MANAGEMENT)
    key = await empty.find_key_by_hash(hash_key(kept[0].inference.reveal()))
    assert key is not None
    assert (key.kind, key.state(NOON)) == ("inference", "active")


async def test_lost_credentials_are_replaced(empty: IdentityFacade) -> None:
    kept: list[FirstKeys] = []
    first = await empty.ensure_access(has_credentials=False, keep=kept.append)
    second = await empty.ensure_access(has_credentials=False, keep=kept.append)
    assert second.organization_id == first.organization_id
    assert kept[0].management != kept[1].management


async def test_keys_that_could_not_be_kept_are_not_valid(empty: IdentityFacade) -> None:
    made: list[FirstKeys] = []

    def fail(keys: FirstKeys) -> None:
        made.append(keys)
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - the test's own
        await empty.ensure_access(has_credentials=False, keep=fail)
    assert await empty.find_key_by_hash(hash_key(made[0].inference.reveal())) is None
    foothold = await empty.ensure_access(has_credentials=True, keep=made.append)
    assert foothold.keys is not None, "credentials of another installation do not count for a new one"


@pytest.mark.parametrize("token", ["", "nonsense", "' OR 1=1--", "\0", "x" * 60_000, "hw_mk_" + "0" * 38])
async def test_a_stranger_is_refused(empty: IdentityFacade, token: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        await empty.authenticate(token)
    assert caught.value.status == 401


async def test_a_key_is_refused_for_what_it_is(store: Store, admin: Principal) -> None:
    facade = IdentityFacade(store, lambda: NOON)
    async with store.transaction("org_1") as unit:
        inference = await commands.create_key(unit, admin, KeyOrder("i"), NOON)
        expired = await commands.create_key(
            unit, admin, KeyOrder("e", "management", expires_at=NOON), NOON - timedelta(days=1)
        )
        revoked = await commands.create_key(unit, admin, KeyOrder("r", "management"), NOON)
        await commands.create_key(unit, admin, KeyOrder("other", "management"), NOON)
        await commands.revoke_key(unit, admin, revoked.view.id, NOON)
    assert inference.key is not None
    assert expired.key is not None
    assert revoked.key is not None
    with pytest.raises(WrongKindOfKey, match="management key"):
        await facade.authenticate(inference.key.reveal())
    with pytest.raises(InvalidKey, match="expired since 2026-01-02"):
        await facade.authenticate(expired.key.reveal())
    with pytest.raises(InvalidKey, match="revoked since 2026-01-02"):
        await facade.authenticate(revoked.key.reveal())
    with pytest.raises(InvalidKey, match="not known"):
        await facade.authenticate(generate_key("management").key.reveal())


async def test_names_and_uses_are_kept(store: Store, admin: Principal) -> None:
    facade = IdentityFacade(store, lambda: NOON)
    async with store.transaction("org_1") as unit:
        key = (await commands.create_key(unit, admin, KeyOrder("Mine"), NOON)).view
    assert await facade.key_names("org_1", [key.id, "key_9"]) == {key.id: "Mine"}
    await facade.record_uses({key.id: NOON, "key_9": NOON})
    found = await facade.find_key_by_hash(key.key_hash)
    assert found is not None
    assert found.last_used_at == NOON


async def test_a_first_start_makes_an_operator_once(empty: IdentityFacade) -> None:
    welcomed: list[User] = []

    async def welcome(unit: Installation, operator: User) -> None:
        assert await unit.users.get(operator.id) == operator
        welcomed.append(operator)

    def keep(_keys: FirstKeys) -> None: ...

    first = await empty.ensure_access(
        has_credentials=False, keep=keep, operator_email="Ada@Example.org", welcome=welcome
    )
    await empty.ensure_access(has_credentials=True, keep=keep, operator_email="eve@example.org", welcome=welcome)
    assert welcomed == [first.operator]
    assert (welcomed[0].email, welcomed[0].email_key, welcomed[0].is_operator) == (
        "Ada@Example.org",
        "ada@example.org",
        True,
    )
    async with empty.store.read(first.organization_id) as reading:
        member = await reading.members.of_user(welcomed[0].id)
    assert member is not None
    assert member.membership.role == "admin"


async def test_an_operator_without_a_welcome_is_not_made(empty: IdentityFacade) -> None:
    async def fail(_unit: Installation, _operator: User) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - the test's own
        await empty.ensure_access(has_credentials=False, keep=lambda _keys: None, welcome=fail)
    async with empty.store.overlook() as overview:
        assert (await overview.users.page(UserFilter(), PageRequest())).total == 0


async def test_an_operator_that_was_disabled_is_not_brought_back(empty: IdentityFacade) -> None:
    first = await empty.ensure_access(has_credentials=False, keep=lambda _keys: None)
    assert first.operator is not None
    async with empty.store.operate() as unit:
        await unit.users.replace(replace(first.operator, state="disabled", version=2))
    assert (await empty.ensure_access(has_credentials=True, keep=lambda _keys: None)).operator is None


async def test_an_operators_address_is_one(empty: IdentityFacade) -> None:
    with pytest.raises(Invalid, match="operator_email"):
        await empty.ensure_access(has_credentials=False, keep=lambda _keys: None, operator_email="nobody")
