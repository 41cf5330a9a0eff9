"""The contract of single sign-on's part of `identity.ports.Store`, held by every adapter on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.adapters.sealed import SealedInIdentity
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.contracts import GroupRole, Organization, SsoAttempt, SsoConnection, SsoHandover
from headworks.identity.domain.sealing import client_secret_context
from headworks.identity.errors import NameInUse
from headworks.identity.ports import Store
from headworks.kernel.errors import Stale
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.secrets import Sealer, Secret
from headworks.kernel.sorting import Order
from tests.contract.conftest import NOON
from tests.support.databases import Place

LATER = NOON + timedelta(minutes=10)
SUBJECT = "Ä|Auth0|" + "s" * 247


def connection(number: int, organization: int = 1, **fields: object) -> SsoConnection:
    made = SsoConnection(
        id=f"sso_{number}",
        organization_id=f"org_{organization}",
        name=f"Directory {number}",
        issuer="https://id.example/",
        client_id="c",
        scopes=("openid", "email"),
        group_claim="groups",
        group_roles=(GroupRole("/Büro=1", "admin"), GroupRole("b", "viewer")),
        default_role=None,
        joins=True,
        allowed_domains=("example.org", "bücher.example"),
        created_at=NOON + timedelta(seconds=number),
        created_by="usr_1",
        sealed_secret="hw1.kek.a.b",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def attempt(number: int, **fields: object) -> SsoAttempt:
    made = SsoAttempt(f"state {number}", "org_1", "sso_1", "browser", "https://gw/cb", "/usage?x=1", LATER)
    return replace(made, **fields)  # type: ignore[arg-type]


async def test_a_connection_comes_back_as_it_was(identity: Store) -> None:
    first, second = connection(1), connection(2, enabled=False, default_role="viewer", sealed_secret=None)
    async with identity.transaction("org_1") as unit:
        await unit.sso_connections.add(first)
        await unit.sso_connections.add(second)
        await unit.sso_connections.replace(replace(second, name="Other", version=2))
    async with identity.read("org_1") as reading:
        assert await reading.sso_connections.get("sso_1") == first
        page = await reading.sso_connections.page(PageRequest(1, 1, (Order("name", descending=True),)))
        assert ([one.name for one in page.items], page.total) == (["Other"], 2)
        assert await reading.sso_connections.enabled() == [first]
    with pytest.raises(Stale):
        async with identity.transaction("org_1") as unit:
            await unit.sso_connections.replace(replace(second, version=2))


async def test_names_are_an_organisations_own(identity: Store) -> None:
    async with identity.operate() as unit:
        await unit.within("org_1").sso_connections.add(connection(1))
        await unit.within("org_2").sso_connections.add(connection(2, 2, name="Directory 1"))
    with pytest.raises(NameInUse):
        async with identity.transaction("org_1") as unit:
            await unit.sso_connections.add(connection(3, name="DIRECTORY 1"))


async def test_nothing_of_another_organisation_is_reached(identity: Store) -> None:
    async with identity.operate() as unit:
        await unit.within("org_1").sso_connections.add(connection(1))
        await unit.within("org_1").sso_connections.link("sso_1", SUBJECT, "usr_1", NOON)
        await unit.sign_ons.begin(attempt(1))
    async with identity.transaction("org_2") as unit:
        others = unit.sso_connections
        assert await others.get("sso_1") is None
        assert await others.user_of("sso_1", SUBJECT) is None
        assert await others.unlink("sso_1") == 0
        await others.remove("sso_1")
        assert (await others.page(PageRequest())).total == 0
        assert await others.enabled() == []
        with pytest.raises(Stale):
            await others.replace(replace(connection(1), version=2))
    async with identity.operate() as unit:
        assert await unit.within("org_1").sso_connections.user_of("sso_1", SUBJECT) == "usr_1"
        assert await unit.sign_ons.finish("state 1") == attempt(1)


async def test_subjects_are_compared_byte_for_byte(identity: Store) -> None:
    async with identity.transaction("org_1") as unit:
        await unit.sso_connections.link("sso_1", "Ada", "usr_1", NOON)
        await unit.sso_connections.link("sso_1", "ada", "usr_2", NOON)
        await unit.sso_connections.link("sso_2", "Ada", "usr_3", NOON)
        found = [
            await unit.sso_connections.user_of("sso_1", one) for one in ("Ada", "ada", "ADA", "Ada ", "' OR 1=1 --")
        ]
        assert found == ["usr_1", "usr_2", None, None, None]
        assert await unit.sso_connections.unlink("sso_1") == 2
        assert await unit.sso_connections.user_of("sso_2", "Ada") == "usr_3"


async def test_what_is_removed_takes_all_of_it_along(identity: Store) -> None:
    handover = SsoHandover("code", "org_1", "sso_1", "usr_1", "challenge", LATER)
    async with identity.operate() as unit:
        within = unit.within("org_1")
        await within.sso_connections.add(connection(1))
        await within.sso_connections.link("sso_1", SUBJECT, "usr_1", NOON)
        await unit.sign_ons.begin(attempt(1))
        await unit.sign_ons.begin(attempt(2, connection_id="sso_2"))
        await unit.sign_ons.hand_over(handover)
        await within.sso_connections.remove("sso_1")
        assert await within.sso_connections.get("sso_1") is None
        assert await within.sso_connections.user_of("sso_1", SUBJECT) is None
        assert await unit.sign_ons.finish("state 1") is None
        assert await unit.sign_ons.take_over("code") is None
        assert await unit.sign_ons.finish("state 2") is not None


async def test_sign_ins_on_their_way_are_taken_once_and_forgotten_in_time(identity: Store) -> None:
    waiting = attempt(1, loopback_port=50_000, code_challenge="c" * 43, client_state="mine")
    handover = SsoHandover("code", "org_1", "sso_1", "usr_1", "challenge", LATER)
    async with identity.operate() as unit:
        await unit.sign_ons.begin(waiting)
        await unit.sign_ons.begin(attempt(2, expires_at=NOON))
        await unit.sign_ons.hand_over(handover)
    async with identity.operate() as unit:
        await unit.sign_ons.purge(NOON)
        assert await unit.sign_ons.finish("state 2") is None
        assert [await unit.sign_ons.finish("state 1") for _ in range(2)] == [waiting, None]
        assert [await unit.sign_ons.take_over("code") for _ in range(2)] == [handover, None]


async def test_an_organisation_is_found_by_what_people_call_it(identity: Store) -> None:
    async with identity.operate() as unit:
        await unit.organizations.replace(Organization("org_2", "Büro", NOON, version=2))
        found = [await unit.organizations.named(name) for name in ("BÜRO", "Organisation 1", "org_2", "")]
    assert [None if one is None else one.id for one in found] == ["org_2", "org_1", None, None]


async def test_the_client_secret_gets_the_new_key(identity_place: Place | None) -> None:
    if identity_place is None:
        pytest.skip("memory has no keyring to give a new key")
    sealer, place = Sealer({"old": bytes(32)}, "old"), client_secret_context("org_1", "sso_1")
    database = identity_place.open()
    store = SqlStore(database, EventBus())
    async with store.transaction("org_1") as unit:
        await unit.sso_connections.add(connection(1, sealed_secret=sealer.seal(Secret("s3cret"), place)))
        await unit.sso_connections.add(connection(2, sealed_secret=None, secret_reference="env:X"))
    sealed = SealedInIdentity(database, sealer)
    assert await sealed.sealed_by() == {"old": 1}
    sealer.adopt(Sealer({"old": bytes(32), "new": b"n" * 32}, "new"))
    assert (await sealed.reseal(), await sealed.reseal()) == (1, 0)
    async with store.read("org_1") as reading:
        kept = await reading.sso_connections.get("sso_1")
    await database.close()
    assert kept is not None
    assert sealer.open(kept.sealed_secret or "", place).reveal() == "s3cret"
