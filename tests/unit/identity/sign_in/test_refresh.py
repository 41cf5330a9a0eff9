from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headworks.identity.commands.refresh import Presented
from headworks.identity.commands.sessions import Client, Granted, Limits, revoke_others, revoke_session
from headworks.identity.contracts import Session, UserChanged
from headworks.identity.domain.sessions import hash_token
from headworks.identity.domain.standing import Standing
from headworks.identity.errors import (
    CsrfRefused,
    InvalidRefreshToken,
    InvalidToken,
    NotYourOrganization,
    RefreshTokenReused,
    SessionIsOver,
    SessionNotFound,
)
from headworks.identity.settings import SignInSettings
from headworks.kernel.secrets import Secret
from tests.support.sign_in import HOME, World


async def go_on(world: World, granted: Granted, client: Client = HOME) -> Granted:
    assert granted.refresh_token is not None
    return await world.refresh(Presented(granted.refresh_token), client)


async def stored(world: World, granted: Granted) -> Session:
    async with world.store.read() as reading:
        session = await reading.session(granted.session.id)
    assert session is not None
    return session


async def test_each_token_gives_another_and_the_session_is_seen(world: World) -> None:
    first = await world.enter()
    at = world.clock.forward(minutes=9)
    second = await go_on(world, first, Client("198.51.100.7", "other\x1b[31m/2"))
    assert second.refresh_token != first.refresh_token
    assert (await world.who(second)).session_id == first.session.id
    session = await stored(world, first)
    assert (session.last_seen_at, session.source, session.user_agent) == (at, "198.51.100.7", "other[31m/2")
    world.clock.forward(minutes=9)
    assert (await go_on(world, second)).session.generation == 3


async def test_the_one_before_gets_the_same_successor_for_ten_seconds(world: World) -> None:
    first = await world.enter()
    second = await go_on(world, first)
    world.clock.forward(seconds=9)
    assert (await go_on(world, first)).refresh_token == second.refresh_token
    assert (await stored(world, first)).generation == 2


async def test_after_that_it_ends_the_session(world: World) -> None:
    first = await world.enter()
    second = await go_on(world, first)
    world.clock.forward(seconds=10)
    with pytest.raises(RefreshTokenReused):
        await go_on(world, first)
    assert (await stored(world, first)).end_reason == "refresh_token_reused"
    # Whoever has the newest one, thief or owner, signs in again.
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, second)
    with pytest.raises(SessionIsOver):
        await world.who(second)


async def test_one_from_further_back_is_theft_even_within_the_grace(world: World) -> None:
    first = await world.enter()
    second = await go_on(world, first)
    third = await go_on(world, second)
    with pytest.raises(RefreshTokenReused):
        await go_on(world, first)
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, third)


@pytest.mark.parametrize(("first", "second"), [("thief", "owner"), ("owner", "thief")])
async def test_whoever_of_two_goes_on_first_shows_the_other(world: World, first: str, second: str) -> None:
    stolen = await world.enter()
    await go_on(world, stolen, Client("", first))
    world.clock.forward(minutes=9)
    with pytest.raises(RefreshTokenReused):
        await go_on(world, stolen, Client("", second))


async def test_fifty_at_once_get_one_successor(world: World) -> None:
    first = await world.enter()
    answers = await asyncio.gather(*(go_on(world, first) for _ in range(50)))
    assert len({answer.refresh_token.reveal() for answer in answers if answer.refresh_token}) == 1
    assert (await stored(world, first)).generation == 2


async def test_a_successor_is_kept_no_longer_than_it_may_be_told(world: World) -> None:
    first = await world.enter()
    second = await go_on(world, first)
    await go_on(world, second)
    async with world.store.read() as reading:
        assert first.refresh_token is not None
        assert second.refresh_token is not None
        oldest = await reading.refresh_token(hash_token(first.refresh_token.reveal()))
        newer = await reading.refresh_token(hash_token(second.refresh_token.reveal()))
    assert oldest is not None
    assert newer is not None
    assert oldest.successor == ""
    assert newer.successor.startswith("hw1.")


@pytest.mark.parametrize("text", ["", "hw_rt_", "x" * 65_536, "hw_rt_' OR 1=1 --", "\0", "\ud800", "hw_sk_abc"])
async def test_what_is_no_refresh_token_is_refused(world: World, text: str) -> None:
    with pytest.raises(InvalidRefreshToken):
        await world.refresh(Presented(Secret(text)), HOME)


async def test_an_access_token_is_no_refresh_token_nor_the_other_way(world: World) -> None:
    granted = await world.enter()
    with pytest.raises(InvalidRefreshToken):
        await world.refresh(Presented(granted.access_token), HOME)


async def test_a_session_ends_when_nobody_comes_and_in_any_case(world: World) -> None:
    idle = await world.enter()
    world.clock.forward(days=7)
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, idle)
    busy = await world.enter()
    for _ in range(5):
        world.clock.forward(days=5, hours=23)
        busy = await go_on(world, busy)
    # The last token ends with its session.
    world.clock.forward(hours=4, minutes=55)
    last = await go_on(world, busy)
    assert last.access_expires_at == last.session.expires_at
    world.clock.forward(minutes=5)
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, last)


async def test_disabling_a_user_ends_it_at_once(world: World) -> None:
    granted = await world.enter()
    assert (await world.who(granted)).id == "usr_ada"
    await world.ground.user(replace(granted.user, state="disabled"))
    world.ground.bus.publish(UserChanged("usr_ada"))
    with pytest.raises(SessionIsOver):
        await world.who(granted)
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, granted)
    assert (await stored(world, granted)).end_reason == "user_disabled"


async def test_a_session_is_revoked_at_once_and_only_by_its_user(world: World) -> None:
    granted, other = await world.enter(), await world.enter("eve")
    await world.who(granted)
    limits = Limits(world.settings, world.clock())
    for session_id in (other.session.id, "ses_none", "' OR 1=1 --"):
        with pytest.raises(SessionNotFound):
            async with world.store.transaction() as unit:
                await revoke_session(unit, "usr_ada", session_id, limits)
    async with world.store.transaction() as unit:
        await revoke_session(unit, "usr_ada", granted.session.id, limits)
    with pytest.raises(SessionIsOver):
        await world.who(granted)
    with pytest.raises(InvalidRefreshToken):
        await go_on(world, granted)
    assert (await world.who(other)).id == "usr_eve"


async def test_another_process_hears_of_it_within_five_seconds(world: World) -> None:
    granted = await world.enter()
    elsewhere = World(world.ground)
    elsewhere.clock = world.clock
    elsewhere.door = replace(elsewhere.door, clock=world.clock)
    world.ground.bus._handlers.clear()  # its events do not reach other processes
    assert (await elsewhere.who(granted)).id == "usr_ada"
    async with world.store.transaction() as unit:
        await revoke_session(unit, "usr_ada", granted.session.id, Limits(world.settings, world.clock()))
    world.clock.forward(seconds=5)
    with pytest.raises(SessionIsOver):
        await elsewhere.who(granted)


async def test_what_was_read_before_a_change_is_not_remembered_after_it(world: World) -> None:
    granted = await world.enter()
    look_up = world.sessions._look_up

    async def slow(session_id: str, at: datetime) -> Standing:
        standing = await look_up(session_id, at)
        async with world.store.transaction() as unit:
            await revoke_session(unit, "usr_ada", session_id, Limits(world.settings, at))
        return standing

    world.sessions._look_up = slow  # type: ignore[method-assign]
    await world.who(granted)
    world.sessions._look_up = look_up  # type: ignore[method-assign]
    with pytest.raises(SessionIsOver):
        await world.who(granted)


async def test_the_others_are_revoked_and_this_one_stays(world: World) -> None:
    here, there, elsewhere = [await world.enter() for _ in range(3)]
    async with world.store.transaction() as unit:
        await revoke_others(unit, "usr_ada", here.session.id, world.clock())
    assert (await world.who(here)).id == "usr_ada"
    for gone in (there, elsewhere):
        with pytest.raises(SessionIsOver):
            await world.who(gone)


async def test_switching_takes_the_session_along(world: World) -> None:
    granted = await world.enter()
    caller = await world.who(granted)
    moved = await world.refresh.switch(caller, "org_2")
    assert (await world.who(moved)).organization_id == "org_2"
    # The token for the place before would let somebody act in two places at once.
    with pytest.raises(InvalidToken):
        await world.who(granted)
    assert (await go_on(world, granted)).session.organization_id == "org_2"
    for elsewhere in ("org_3", "org_none"):
        with pytest.raises(NotYourOrganization):
            await world.refresh.switch(caller, elsewhere)


async def test_a_browsers_token_comes_by_its_cookie_with_proof(world: World) -> None:
    granted = await world.enter(carriage="cookie")
    assert granted.refresh_token is not None
    assert granted.csrf_token is not None
    token = granted.refresh_token
    with pytest.raises(InvalidRefreshToken):
        await world.refresh(Presented(token), HOME)
    for proof in (None, Secret(""), Secret("x"), Secret("x" * 10_000)):
        with pytest.raises(CsrfRefused):
            await world.refresh(Presented(token, proof, by_cookie=True), HOME)
    assert (await world.refresh(Presented(token, granted.csrf_token, by_cookie=True), HOME)).refresh_token
    program = await world.enter()
    assert program.refresh_token is not None
    with pytest.raises(InvalidRefreshToken):
        await world.refresh(Presented(program.refresh_token, granted.csrf_token, by_cookie=True), HOME)


async def test_each_kind_of_access_token_comes_its_own_way(world: World) -> None:
    browser, program = await world.enter(carriage="cookie"), await world.enter()
    with pytest.raises(InvalidToken, match="cookie"):
        await world.door.authenticate(browser.access_token.reveal(), None)
    with pytest.raises(InvalidToken, match="bearer"):
        await world.door.authenticate_browser(program.access_token.reveal(), None)
    reading = await world.door.authenticate_browser(browser.access_token.reveal(), None)
    assert reading.id == "usr_ada"
    assert browser.csrf_token is not None
    writing = await world.door.authenticate_browser(browser.access_token.reveal(), browser.csrf_token.reveal())
    assert writing == reading
    another = await world.enter(carriage="cookie")
    assert another.csrf_token is not None
    for proof in ("", "x", another.csrf_token.reveal()):
        with pytest.raises(CsrfRefused):
            await world.door.authenticate_browser(browser.access_token.reveal(), proof)


async def test_keys_rotate_and_old_tokens_are_verified_until_they_end(world: World) -> None:
    world.settings = SignInSettings(signing_key_life=timedelta(hours=1))
    again = World(world.ground, world.settings)
    first = await again.enter()
    kept = [key["kid"] for key in await again.public_keys.published()]
    again.clock.forward(minutes=59)
    first = await go_on(again, first)
    again.clock.forward(minutes=1)
    second = await go_on(again, first)
    published = [key["kid"] for key in await again.public_keys.published()]
    assert published[1:] == kept
    assert len(published) == 2
    assert (await again.who(first)).id == (await again.who(second)).id == "usr_ada"
    # A process that verified before the rotation, and one that starts after it, know the new key too.
    assert (await World(world.ground).public_keys.get(published[0])).curve.name == "secp256r1"
    # The one before goes once its last token is over; a look at a new start shows it.
    again.clock.forward(minutes=16)
    starting = World(world.ground, world.settings)
    starting.clock.at = again.clock.at
    await starting.enter()
    assert [key["kid"] for key in await starting.public_keys.published()] == published[:1]
    with pytest.raises(InvalidToken, match="no key"):
        await starting.public_keys.get(published[1])


async def test_two_processes_at_their_first_start_sign_with_what_both_verify(world: World) -> None:
    other = World(world.ground)
    one, two = await asyncio.gather(world.enter(), other.enter("eve"))
    assert (await other.who(one)).id == "usr_ada"
    assert (await world.who(two)).id == "usr_eve"
    assert len(await world.public_keys.published()) == 1
