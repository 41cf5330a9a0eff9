"""Keys that sign requests: how they are made, kept, rotated and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headworks.identity.commands import keys, rotation
from headworks.identity.commands.keys import IssuedKey, KeyChange, KeyOrder
from headworks.identity.contracts import KeyView
from headworks.identity.domain import audited
from headworks.identity.domain.request_signing import signer_hash, signing_secrets
from headworks.identity.errors import AddressNotAllowed, InvalidKey, SignatureMissing, WrongKindOfKey
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import Store
from headworks.kernel.errors import Invalid
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer, SealError
from tests.unit.identity.conftest import NOON, Told

SEALER = Sealer({"kek": bytes(32)}, "kek")
MINUTE = timedelta(minutes=1)


async def make(store: Store, caller: Principal, **wanted: object) -> IssuedKey:
    order = KeyOrder(**{"name": "signer", "signing": True} | wanted)  # type: ignore[arg-type]
    async with store.transaction(caller.organization_id) as unit:
        return await keys.create_key(unit, caller, order, NOON, SEALER)


async def rotate(store: Store, caller: Principal, key_id: str, seconds: int) -> IssuedKey:
    async with store.transaction(caller.organization_id) as unit:
        return await rotation.rotate_key(unit, caller, key_id, seconds, NOON, sealer=SEALER)


async def change(store: Store, caller: Principal, key_id: str, **changes: bool) -> KeyView:
    async with store.transaction(caller.organization_id) as unit:
        return await keys.change_key(unit, caller, key_id, KeyChange(**changes), NOON)  # type: ignore[arg-type]


def facade(store: Store, at: datetime = NOON) -> IdentityFacade:
    return IdentityFacade(store, lambda: at, SEALER)


def opened(key: KeyView, at: datetime = NOON) -> list[str]:
    return [found.secret.reveal() for found in signing_secrets(key, SEALER, at)]


def secret_of(issued: IssuedKey) -> str:
    assert issued.key is not None
    return issued.key.reveal()


def test_both_sides_know_a_signer_by_the_same_hash() -> None:
    """The same example stands in the tests of the engine."""
    expected = "0b2615447e4b4d940ee2b49889a4365de99b7895e744c72afa0e353e6e016e25"
    assert signer_hash("key_01k9y7m3q8zzzzzzzzzzzzzzzz") == expected


async def test_a_key_that_signs_keeps_its_secret_sealed_and_is_found_by_its_id(store: Store, admin: Principal) -> None:
    issued = await make(store, admin)
    found = await facade(store).find_key_by_hash(signer_hash(issued.view.id))
    assert found == issued.view
    assert (found.signs, found.bearer) == (True, False)
    assert opened(found) == [secret_of(issued)]
    assert [one.secret for one in facade(store).signing_secrets(found, NOON)] == [issued.key]
    shown = repr(found)
    assert secret_of(issued) not in shown
    assert str(found.sealed_secret) not in shown


async def test_other_keys_keep_no_secret(store: Store, admin: Principal) -> None:
    issued = await make(store, admin, signing=False)
    assert (issued.view.signs, issued.view.bearer, issued.view.sealed_secret) == (False, True, None)
    assert opened(issued.view) == []
    assert await facade(store).find_key_by_hash(signer_hash(issued.view.id)) is None


async def test_the_trail_and_the_answers_hold_no_secret(store: Store, admin: Principal) -> None:
    issued = await make(store, admin)
    noted = audited.change("created", None, issued.view)
    assert noted.after is not None
    assert (noted.after["signs"], noted.after["bearer"]) == (True, False)
    for secret in (secret_of(issued), str(issued.view.sealed_secret)):
        assert secret not in repr(noted)


async def test_a_rotation_overlaps(store: Store, admin: Principal, told: Told) -> None:
    issued = await make(store, admin)
    told.take()
    rotated = await rotate(store, admin, issued.view.id, 60)
    assert sorted(told.take()) == sorted([issued.view.key_hash, rotated.view.key_hash, signer_hash(issued.view.id)])
    found = await facade(store).find_key_by_hash(signer_hash(issued.view.id))
    assert found is not None
    assert found.expires_at is None, "the key itself does not end with its former secret"
    assert opened(found) == [secret_of(rotated), secret_of(issued)]
    assert [one.until for one in signing_secrets(found, SEALER, NOON)] == [None, NOON + MINUTE]
    assert opened(found, NOON + MINUTE) == [secret_of(rotated)]
    third = await rotate(store, admin, issued.view.id, 0)
    assert opened(third.view) == [secret_of(third)]


async def test_a_sealed_secret_opens_in_its_own_place_alone(store: Store, admin: Principal) -> None:
    first, second = await make(store, admin), await make(store, admin)
    with pytest.raises(SealError):
        opened(replace(first.view, sealed_secret=second.view.sealed_secret))
    rotated = (await rotate(store, admin, first.view.id, 60)).view
    with pytest.raises(SealError):
        opened(replace(rotated, sealed_secret=rotated.previous_sealed_secret))


async def test_it_is_sent_only_where_that_was_asked_for(store: Store, admin: Principal, told: Told) -> None:
    issued = await make(store, admin, kind="management")
    with pytest.raises(SignatureMissing):
        await facade(store).authenticate(secret_of(issued))
    told.take()
    await change(store, admin, issued.view.id, bearer=True)
    assert signer_hash(issued.view.id) in told.take()
    assert (await facade(store).authenticate(secret_of(issued))).key_id == issued.view.id
    both = await make(store, admin, kind="management", bearer=True)
    assert (await facade(store).authenticate(secret_of(both))).key_id == both.view.id


async def test_a_verified_signer_acts_as_the_key(store: Store, admin: Principal) -> None:
    issued = await make(store, admin, kind="management", allowed_addresses=["10.0.0.0/8"])
    signer = signer_hash(issued.view.id)
    caller = await facade(store).authenticate_signer(signer, "10.1.2.3")
    assert (caller.key_id, caller.permissions) == (issued.view.id, issued.view.permissions)
    with pytest.raises(AddressNotAllowed):
        await facade(store).authenticate_signer(signer, "192.0.2.1")
    for unknown in (issued.view.key_hash, signer_hash("key_other")):
        with pytest.raises(InvalidKey):
            await facade(store).authenticate_signer(unknown, "10.1.2.3")
    inference = await make(store, admin)
    with pytest.raises(WrongKindOfKey):
        await facade(store).authenticate_signer(signer_hash(inference.view.id), None)
    await make(store, admin, kind="management", signing=False)  # the last one that can make keys is not revoked
    async with store.transaction("org_1") as unit:
        await keys.revoke_key(unit, admin, issued.view.id, NOON)
    with pytest.raises(InvalidKey, match="revoked"):
        await facade(store).authenticate_signer(signer, "10.1.2.3")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"sha256": "a" * 64}, "signing"), ({"signing": False, "bearer": False}, "bearer")],
)
async def test_what_nobody_could_use_is_not_made(
    store: Store, admin: Principal, wanted: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await make(store, admin, **wanted)
    assert refused.value.details[0].field == field


async def test_a_key_that_does_not_sign_has_to_be_sent(store: Store, admin: Principal) -> None:
    issued = await make(store, admin, signing=False)
    with pytest.raises(Invalid):
        await change(store, admin, issued.view.id, bearer=False)


async def test_nothing_is_kept_that_cannot_be_sealed(store: Store, admin: Principal) -> None:
    with pytest.raises(TypeError, match="sealer"):
        async with store.transaction("org_1") as unit:
            await keys.create_key(unit, admin, KeyOrder("signer", signing=True), NOON)
