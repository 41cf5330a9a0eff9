"""What every store of sign-in does alike, besides what the use cases' own tests ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.adapters.sealed import SealedInIdentity
from headworks.identity.contracts import SecondFactor, Session, SessionEnded, StoredPassword, User
from headworks.identity.domain.sealing import private_key_context, refresh_token_context, second_factor_context
from headworks.identity.domain.sessions import RefreshToken
from headworks.identity.domain.signing import StoredSigningKey
from headworks.identity.domain.throttle import Tries
from headworks.kernel.pagination import PageRequest
from headworks.kernel.secrets import Sealer, Secret
from tests.support.databases import Place
from tests.support.sign_in import NOON, Ground, ground_on

HOUR = timedelta(hours=1)


@pytest.fixture
async def place(identity_place: Place | None) -> AsyncIterator[Ground]:
    async with ground_on(None if identity_place is None else identity_place.open()) as place:
        yield place


def session(number: int, user_id: str = "usr_1") -> Session:
    at = NOON + number * HOUR
    return Session(f"ses_{number}", user_id, "org_1", "bearer", at, at, at + 24 * HOUR, "192.0.2.1", "test")


async def test_a_transaction_that_fails_leaves_nothing_and_tells_nothing(place: Ground) -> None:
    told: list[SessionEnded] = []
    place.bus.subscribe(SessionEnded, told.append)
    with pytest.raises(ZeroDivisionError):
        async with place.store.transaction() as unit:
            await unit.put_password("usr_1", StoredPassword("$2b$", NOON))
            await unit.add_session(session(1))
            unit.publish(SessionEnded("ses_1"))
            raise ZeroDivisionError
    async with place.store.read() as reading:
        assert await reading.password("usr_1") is None
        assert await reading.session("ses_1") is None
    assert told == []


async def test_what_is_put_again_takes_the_place_of_what_was(place: Ground) -> None:
    for number in (1, 2):
        async with place.store.transaction() as unit:
            await unit.put_password("usr_1", StoredPassword(f"hash {number}", NOON, must_change=number == 2))
            await unit.put_tries(Tries("account:x", number, NOON, NOON + HOUR))
    async with place.store.transaction() as unit:
        assert await unit.password("usr_1") == StoredPassword("hash 2", NOON, must_change=True)
        assert await unit.lock_tries("account:x") == Tries("account:x", 2, NOON, NOON + HOUR)
        await unit.remove_tries("account:x")
        assert await unit.lock_tries("account:x") is None


async def test_sessions_are_listed_newest_first_and_only_those_that_live(place: Ground) -> None:
    async with place.store.transaction() as unit:
        for number in range(5):
            await unit.add_session(session(number))
        await unit.add_session(session(9, "usr_2"))
        await unit.replace_session(replace(session(3), ended_at=NOON, end_reason="revoked"))
    async with place.store.read() as reading:
        # The first one's time is over, the second was not seen for too long.
        page = await reading.sessions("usr_1", NOON + 24 * HOUR, NOON + HOUR, PageRequest(1, 1))
    assert ([one.id for one in page.items], page.total) == (["ses_4"], 2)


async def test_ending_names_those_that_had_not_ended(place: Ground) -> None:
    async with place.store.transaction() as unit:
        for number in range(4):
            await unit.add_session(session(number, "usr_2" if number == 3 else "usr_1"))
        assert await unit.end_sessions("usr_1", "revoked", NOON, keep="ses_1") == ["ses_0", "ses_2"]
        assert await unit.end_sessions("usr_1", "revoked", NOON, keep="ses_1") == []
    async with place.store.read() as reading:
        other = await reading.session("ses_3")
    assert other is not None
    assert other.ended_at is None


async def test_those_that_act_in_one_organisation_are_ended_alone(place: Ground) -> None:
    async with place.store.transaction() as unit:
        await unit.add_session(session(1))
        await unit.add_session(replace(session(2), organization_id="org_other"))
        ended = await unit.end_sessions("usr_1", "left_organization", NOON, within="org_other")
        assert ended == ["ses_2"]
        assert await unit.end_sessions("usr_1", "left_organization", NOON, within="org_nobodys") == []


async def test_a_code_and_a_step_are_used_once(place: Ground) -> None:
    async with place.store.transaction() as unit:
        await unit.put_recovery_codes("usr_1", ["a", "b"])
        assert not await unit.use_step("usr_1", 7)
        assert await unit.use_recovery_code("usr_1", "a", NOON)
        assert not await unit.use_recovery_code("usr_1", "a", NOON)
        assert not await unit.use_recovery_code("usr_2", "b", NOON)
        assert await unit.recovery_codes_left("usr_1") == 1
        await unit.put_recovery_codes("usr_1", ["c"])
        assert not await unit.use_recovery_code("usr_1", "b", NOON)


async def test_what_is_over_is_purged_with_its_tokens_and_nothing_else(place: Ground) -> None:
    async with place.store.transaction() as unit:
        for number in (1, 2):
            await unit.add_session(session(number))
            await unit.add_refresh_token(RefreshToken(f"hash {number}", f"ses_{number}", 1, NOON + 30 * HOUR))
            await unit.put_tries(Tries(f"source:{number}", 1, NOON, NOON + number * HOUR))
        await unit.purge(NOON + HOUR, NOON + 25 * HOUR)
        assert await unit.session("ses_1") is None
        assert await unit.refresh_token("hash 1") is None
        assert await unit.lock_tries("source:1") is None
        assert await unit.session("ses_2") == session(2)
        assert await unit.refresh_token("hash 2") is not None
        assert await unit.lock_tries("source:2") is not None


async def test_text_is_never_a_command(place: Ground) -> None:
    for text in ("' OR 1=1 --", "x'; DROP TABLE sessions; --", "%", "_"):
        async with place.store.read() as reading:
            assert await reading.session(text) is None
            assert await reading.refresh_token(text) is None
            assert await reading.user_by_email(text) is None
            assert await reading.password(text) is None


async def test_what_sign_in_seals_gets_the_new_key(identity_place: Place | None) -> None:
    if identity_place is None:
        pytest.skip("memory has no keyring to give a new key")
    sealer = Sealer({"old": bytes(32)}, "old")
    token = RefreshToken("hash", "ses_1", 3, NOON)
    secrets = {name: Secret(name) for name in ("private", "shared", "next")}
    factor = SecondFactor(sealer.seal(secrets["shared"], second_factor_context("usr_1")), NOON)
    signing = StoredSigningKey("sgk_1", sealer.seal(secrets["private"], private_key_context("sgk_1")), "{}", NOON)
    successor = sealer.seal(secrets["next"], refresh_token_context("ses_1", 3))
    database = identity_place.open()
    async with ground_on(database) as place:
        async with place.store.transaction() as unit:
            await unit.add_signing_key(signing)
            await unit.put_second_factor("usr_1", factor)
            await unit.add_refresh_token(token.used(NOON, successor))
            await unit.add_refresh_token(RefreshToken("unused", "ses_1", 4, NOON))
        sealed = SealedInIdentity(database, sealer)
        assert await sealed.sealed_by() == {"old": 3}
        sealer.adopt(Sealer({"old": bytes(32), "new": b"n" * 32}, "new"))
        assert (await sealed.reseal(), await sealed.reseal()) == (3, 0)
        assert await sealed.sealed_by() == {"new": 3}
        sealer.adopt(Sealer({"new": b"n" * 32}, "new"))
        async with place.store.read() as reading:
            (kept,) = await reading.signing_keys()
            shared = await reading.second_factor("usr_1")
            following = await reading.refresh_token("hash")
    assert sealer.open(kept.sealed_private, private_key_context("sgk_1")).reveal() == "private"
    assert shared is not None
    assert sealer.open(shared.sealed_secret, second_factor_context("usr_1")).reveal() == "shared"
    assert following is not None
    assert sealer.open(following.successor, refresh_token_context("ses_1", 3)).reveal() == "next"


async def test_where_somebody_belongs_with_and_without_what_is_disabled(place: Ground) -> None:
    for user_id in ("usr_1", "usr_2"):
        email = f"{user_id}@example.org"
        await place.user(User(user_id, email, email, user_id, NOON, "system"))
    for organization in ("org_1", "org_2"):
        await place.organization(organization)
        await place.member("usr_1", organization, "viewer", NOON + (HOUR if organization == "org_2" else 0 * HOUR))
    await place.member("usr_2", "org_1", "admin")
    await place.organization("org_1", active=False)
    async with place.store.read() as reading:
        assert [one.organization_id for one in await reading.memberships("usr_1")] == ["org_2"]
        assert [one.organization_id for one in await reading.every_membership("usr_1")] == ["org_1", "org_2"]
        assert await reading.every_membership("usr_3") == []
