"""Keys that sign, on every store: found by what they are known by, and sealed anew with the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from headworks.identity.adapters.sealed import SealedInIdentity
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.contracts import Organization, Project
from headworks.identity.domain.keys import generate_key
from headworks.identity.domain.request_signing import sealed_secret, signer_hash, signing_secrets
from headworks.identity.errors import KeyExists
from headworks.kernel.events import EventBus
from headworks.kernel.secrets import Sealer
from tests.contract.conftest import NOON
from tests.contract.test_identity_store import add, key

if TYPE_CHECKING:
    from headworks.identity.contracts import KeyView
    from headworks.identity.ports import Store
    from tests.support.databases import Place

HOUR = timedelta(hours=1)


def signing_key(number: int, sealer: Sealer) -> tuple[KeyView, list[str]]:
    """A key in the overlap of its rotation, and what it signs with."""
    plain, now, former = key(number), generate_key("inference"), generate_key("inference")
    made = replace(
        plain,
        key_hash=now.key_hash,
        previous_hash=former.key_hash,
        previous_until=NOON + HOUR,
        bearer=False,
        signer_hash=signer_hash(plain.id),
        sealed_secret=sealed_secret(plain.id, now, sealer),
        previous_sealed_secret=sealed_secret(plain.id, former, sealer),
    )
    return made, [now.key.reveal(), former.key.reveal()]


def opened(found: KeyView, sealer: Sealer) -> list[str]:
    return [one.secret.reveal() for one in signing_secrets(found, sealer, NOON)]


async def test_a_key_that_signs_comes_back_as_it_was(identity: Store) -> None:
    sealer = Sealer({"kek": bytes(32)}, "kek")
    made, secrets = signing_key(1, sealer)
    await add(identity, made, key(2))
    assert made.signer_hash is not None
    async with identity.overlook() as overview:
        found = await overview.key_by_hash(made.signer_hash)
        assert found == made
        assert opened(found, sealer) == secrets
        former = await overview.key_by_hash(str(made.previous_hash))
        assert former is not None
        assert former.expires_at == NOON + HOUR, "sent itself, it ends with the overlap"
        assert await overview.key_by_hash(signer_hash("key_2")) is None


async def test_two_keys_are_not_known_by_the_same(identity: Store) -> None:
    made, _ = signing_key(1, Sealer({"kek": bytes(32)}, "kek"))
    await add(identity, made)
    with pytest.raises(KeyExists):
        await add(identity, replace(key(2), signer_hash=made.signer_hash))


async def test_what_keys_sign_with_gets_the_new_key(identity_place: Place | None) -> None:
    if identity_place is None:
        pytest.skip("memory has no keyring to give a new key")
    database = identity_place.open()
    store = SqlStore(database, EventBus())
    async with store.operate() as unit:
        await unit.organizations.add(Organization("org_1", "Organisation 1", NOON))
        await unit.within("org_1").projects.add(Project("prj_1", "org_1", "Project 1", NOON))
    sealer = Sealer({"old": bytes(32)}, "old")
    made, secrets = signing_key(1, sealer)
    await add(store, made, key(2))
    sealed = SealedInIdentity(database, sealer)
    assert await sealed.sealed_by() == Counter(old=2)
    sealer.adopt(Sealer({"old": bytes(32), "new": b"n" * 32}, "new"))
    assert (await sealed.reseal(), await sealed.reseal()) == (2, 0)
    sealer.adopt(Sealer({"new": b"n" * 32}, "new"))
    async with store.overlook() as overview:
        found = await overview.key_by_hash(str(made.signer_hash))
    assert found is not None
    assert opened(found, sealer) == secrets
    await database.close()
