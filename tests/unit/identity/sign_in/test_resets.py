"""Letting somebody in again: who may, for whom, and what it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headworks.identity.adapters.sign_in.memory import MemorySignIn
from headworks.identity.commands.resets import Resets
from headworks.identity.contracts import SecondFactor, User
from headworks.identity.domain.roles import OPERATOR, permissions_of
from headworks.identity.errors import (
    MoreThanOwnRights,
    NoSecondFactor,
    NotForOneself,
    SecondFactorRequired,
    SessionIsOver,
    TooManyTries,
    UserNotFound,
    WrongCredentials,
)
from headworks.kernel.audit import Change
from headworks.kernel.principal import Principal
from tests.support.sign_in import NOON, World, ground

ADMIN = Principal("usr_ann", "user", "org_1", None, permissions_of("admin"))
EVE = Principal("usr_eve", "user", "org_3", None, OPERATOR)
KEY = Principal("key_1", "key", "org_3", None, OPERATOR)


@pytest.fixture
async def resets(world: World) -> Resets:
    """With Cy, a member of org_1 and of nothing else."""
    await world.ground.user(User("usr_cy", "cy@example.org", "cy@example.org", "cy", NOON, "system"))
    await world.ground.member("usr_cy", "org_1", "maintainer")
    return Resets(world.store, world.hasher, world.clock)


async def test_the_password_works_once_and_ends_every_session(world: World, resets: Resets) -> None:
    for caller in (ADMIN, KEY):
        reset = await resets.password(caller, "usr_cy")
        granted = await world.enter("cy", reset.password.reveal())
        assert granted.must_change_password
        assert (await world.who(granted)).permissions == {"account:use"}
        again = await resets.password(ADMIN, "usr_cy")
        with pytest.raises(SessionIsOver):
            await world.who(granted)
        with pytest.raises(WrongCredentials):
            await world.enter("cy", reset.password.reveal())
        assert again.user.email == "cy@example.org"


async def test_failed_tries_are_forgotten(world: World, resets: Resets) -> None:
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await world.enter("cy", "wrong")
    with pytest.raises(TooManyTries):
        await world.enter("cy", "wrong")
    world.clock.forward(minutes=20)
    for _ in range(2):
        with pytest.raises((WrongCredentials, TooManyTries)):
            await world.enter("cy", "wrong")
    reset = await resets.password(ADMIN, "usr_cy")
    assert (await world.enter("cy", reset.password.reveal())).must_change_password


async def test_strangers_are_like_nobody(world: World, resets: Resets) -> None:
    said = set()
    for stranger in ("usr_bob", "usr_eve", "usr_nobody", ""):
        hashed = world.hasher.hashed
        with pytest.raises(UserNotFound) as caught:
            await resets.password(ADMIN, stranger)
        assert world.hasher.hashed == hashed + 1, "it takes as long"
        said.add(str(caught.value).replace(repr(stranger), "…"))
    assert len(said) == 1
    assert (await world.enter("eve")).user.id == "usr_eve"


@pytest.mark.parametrize("elsewhere_active", [True, False])
async def test_an_admin_cannot_take_over_who_belongs_elsewhere_too(
    world: World,
    resets: Resets,
    elsewhere_active: bool,  # noqa: FBT001 - of a table
) -> None:
    await world.ground.organization("org_2", active=elsewhere_active)
    with pytest.raises(MoreThanOwnRights, match="An operator can"):
        await resets.password(ADMIN, "usr_ada")
    assert (await world.enter()).user.id == "usr_ada"
    assert (await resets.password(EVE, "usr_ada")).user.id == "usr_ada"


async def test_nobody_is_let_in_as_who_may_more(world: World, resets: Resets) -> None:
    await world.ground.member("usr_eve", "org_1", "viewer")
    with pytest.raises(MoreThanOwnRights):
        await resets.password(ADMIN, "usr_eve")
    lesser = replace(ADMIN, permissions=frozenset({"members:write", "keys:read"}))
    with pytest.raises(MoreThanOwnRights):
        await resets.password(lesser, "usr_cy")


async def test_oneself_has_to_prove_it(world: World, resets: Resets) -> None:
    for caller in (replace(ADMIN, id="usr_cy"), replace(EVE, id="usr_cy"), replace(ADMIN, id="usr_cy", key_id="key_2")):
        with pytest.raises(NotForOneself, match="auth/password"):
            await resets.password(caller, "usr_cy")
    with pytest.raises(NotForOneself, match="auth/totp"):
        await resets.second_factor(EVE, "usr_eve")


async def test_a_lost_second_factor(world: World, resets: Resets) -> None:
    async with world.store.transaction() as unit:
        await unit.put_second_factor("usr_ada", SecondFactor("sealed", NOON))
    with pytest.raises(NoSecondFactor):
        await resets.second_factor(EVE, "usr_ada")
    async with world.store.transaction() as unit:
        await unit.put_second_factor("usr_ada", SecondFactor("sealed", NOON, confirmed_at=NOON))
        await unit.put_recovery_codes("usr_ada", ["a"])
    with pytest.raises(SecondFactorRequired):
        await world.enter()
    await resets.second_factor(EVE, "usr_ada")
    async with world.store.read() as reading:
        assert await reading.second_factor("usr_ada") is None
        assert await reading.recovery_codes_left("usr_ada") == 0
    assert (await world.enter()).user.id == "usr_ada"
    with pytest.raises(UserNotFound):
        await resets.second_factor(EVE, "usr_nobody")


async def test_the_trail_says_who_was_let_in_and_not_how(tmp_path: Path) -> None:
    async with ground("memory", tmp_path) as place:
        world = World(place)
        await world.people()
        assert isinstance(world.store, MemorySignIn)
        resets = Resets(world.store, world.hasher, world.clock)
        async with world.store.transaction() as unit:
            await unit.put_second_factor("usr_ada", SecondFactor("sealed", NOON, confirmed_at=NOON))
        made = await resets.password(EVE, "usr_ada")
        await resets.second_factor(EVE, "usr_ada")
        for stranger in ("usr_bob", "usr_nobody"):
            with pytest.raises(UserNotFound):
                await resets.password(ADMIN, stranger)
        assert world.store.tables.changes == [
            Change("password.reset", "user", "usr_ada", {"must_change": False}, {"must_change": True}),
            Change("second_factor.reset", "user", "usr_ada", {"confirmed": True}, None),
        ]
        assert made.password.reveal() not in str(world.store.tables.changes)
