"""A token is proved once, and what may change about it is asked each time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from headworks.identity.commands.sessions import Granted, Limits, revoke_session
from headworks.identity.domain.tokens import LEEWAY, Proven, key_id_of, proven
from headworks.identity.errors import InvalidToken, SessionIsOver, TokenExpired
from headworks.identity.queries import tokens
from tests.support.sign_in import World

SECOND = timedelta(seconds=1)


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were looked at."""
    seen: list[str] = []

    def watched(token: str, key: ec.EllipticCurvePublicKey, issuer: str) -> Proven:
        seen.append(token)
        return proven(token, key, issuer)

    monkeypatch.setattr(tokens, "proven", watched)
    return seen


@pytest.fixture
async def granted(world: World, proofs: list[str]) -> Granted:
    """Of somebody whose token was proved and is remembered."""
    granted = await world.enter()
    await world.who(granted)
    await world.who(granted)
    assert proofs == [granted.access_token.reveal()]
    return granted


async def test_it_ends_when_it_says(world: World, granted: Granted) -> None:
    world.clock.at = granted.access_expires_at + LEEWAY - SECOND
    await world.who(granted)
    world.clock.at += SECOND
    with pytest.raises(TokenExpired):
        await world.who(granted)
    world.clock.at = granted.session.created_at - LEEWAY - SECOND
    with pytest.raises(InvalidToken, match="not valid yet"):
        await world.who(granted)


async def test_it_ends_with_its_session(world: World, granted: Granted) -> None:
    async with world.store.transaction() as unit:
        await revoke_session(unit, "usr_ada", granted.session.id, Limits(world.settings, world.clock()))
    with pytest.raises(SessionIsOver):
        await world.who(granted)


async def test_it_ends_with_its_key(world: World, granted: Granted) -> None:
    async with world.store.transaction() as unit:
        await unit.remove_signing_keys([key_id_of(granted.access_token.reveal())])
    with pytest.raises(InvalidToken):
        await world.public_keys.get("one that makes it look again")
    with pytest.raises(InvalidToken, match="no key of this server"):
        await world.who(granted)


async def test_what_another_key_proved_is_proved_anew(world: World, granted: Granted, proofs: list[str]) -> None:
    another = ec.generate_private_key(ec.SECP256R1()).public_key()
    world.public_keys._keys[key_id_of(granted.access_token.reveal())] = another
    with pytest.raises(InvalidToken, match="its signature"):
        await world.who(granted)
    assert len(proofs) == 2


async def test_another_token_that_begins_alike_is_another(world: World, granted: Granted, proofs: list[str]) -> None:
    header, content, signature = granted.access_token.reveal().split(".")
    for forged in (f"{header}.{content}.{signature[:-4]}AAAA", f"{header}.{content}.AAAA{signature[4:]}"):
        for _ in range(2):
            with pytest.raises(InvalidToken):
                await world.door.authenticate(forged, None)
    # Nothing of those is remembered.
    assert len(proofs) == 5
    assert len(world.tokens._known) == 1


async def test_so_many_are_remembered_and_none_can_be_read(
    world: World, granted: Granted, proofs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST", 2)
    others = [await world.enter() for _ in range(3)]
    for one in (*others[:1], granted, *others[1:2], granted):
        await world.who(one)
    assert len(world.tokens._known) == 2
    # The one that was sent last is not the one that goes.
    assert proofs.count(granted.access_token.reveal()) == 1
    await world.who(others[0])
    assert proofs.count(others[0].access_token.reveal()) == 2
    assert granted.access_token.reveal() not in repr(world.tokens._known)
