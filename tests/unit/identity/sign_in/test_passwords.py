from __future__ import annotations

import pytest

from headworks.identity.errors import SessionIsOver, TooManyTries, WrongCredentials
from headworks.kernel.errors import Invalid
from headworks.kernel.permissions import OWN_ACCOUNT
from headworks.kernel.secrets import Secret
from tests.support.sign_in import HOME, PASSWORD, World

NEW = "another staple vow"


async def test_another_password_ends_the_other_sessions(world: World) -> None:
    here, there = await world.enter(), await world.enter()
    await world.who(there)
    await world.passwords.change(await world.who(here), Secret(PASSWORD), Secret(NEW), HOME)
    assert (await world.who(here)).id == "usr_ada"
    with pytest.raises(SessionIsOver):
        await world.who(there)
    with pytest.raises(WrongCredentials):
        await world.enter()
    assert (await world.enter(password=NEW)).user.id == "usr_ada"


@pytest.mark.parametrize(
    ("new", "code"), [(PASSWORD, "unchanged"), ("short", "too_short"), ("password123", "too_common")]
)
async def test_a_bad_one_changes_nothing(world: World, new: str, code: str) -> None:
    caller = await world.who(await world.enter())
    with pytest.raises(Invalid) as caught:
        await world.passwords.change(caller, Secret(PASSWORD), Secret(new), HOME)
    assert [problem.code for problem in caught.value.details] == [code]
    assert (await world.enter()).user.id == "usr_ada"


async def test_a_session_that_was_left_open_is_no_place_to_guess(world: World) -> None:
    caller = await world.who(await world.enter())
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await world.passwords.change(caller, Secret("wrong"), Secret(NEW), HOME)
    with pytest.raises(TooManyTries):
        await world.passwords.change(caller, Secret(PASSWORD), Secret(NEW), HOME)


async def test_who_has_a_password_that_was_made_for_them_may_do_nothing_else(world: World) -> None:
    user = (await world.enter()).user
    await world.passwords.set_one_time(user, Secret("q4m9x-one-time"))
    granted = await world.enter(password="q4m9x-one-time")
    assert granted.must_change_password
    caller = await world.who(granted)
    assert caller.must_change_password
    assert caller.permissions == OWN_ACCOUNT
    await world.passwords.change(caller, Secret("q4m9x-one-time"), Secret(NEW), HOME)
    caller = await world.who(granted)
    assert not caller.must_change_password
    assert "keys:write" in caller.permissions
