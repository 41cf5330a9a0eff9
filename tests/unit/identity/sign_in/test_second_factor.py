from __future__ import annotations

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from headworks.identity.errors import (
    NoSecondFactor,
    SecondFactorExists,
    SecondFactorRequired,
    TooManyTries,
    WrongCredentials,
    WrongSecondFactor,
)
from headworks.kernel.secrets import Secret
from tests.support.sign_in import HOME, PASSWORD, World


class App:
    """An authenticator app."""

    def __init__(self, secret: Secret, world: World) -> None:
        self._codes = TOTP(base64.b32decode(secret.reveal()), 6, SHA1(), 30)  # noqa: S303 - what apps speak
        self._world = world

    def code(self, seconds: float = 0) -> str:
        return self._codes.generate(self._world.clock().timestamp() + seconds).decode()


async def protect(world: World) -> tuple[App, list[Secret]]:
    made = await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    app = App(made.secret, world)
    codes = await world.second_factors.confirm("usr_ada", app.code())
    world.clock.forward(seconds=60)
    return app, codes


async def test_nothing_changes_until_the_app_has_proved_itself(world: World) -> None:
    made = await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    assert made.uri.reveal().startswith("otpauth://totp/")
    assert (await world.enter()).user.id == "usr_ada"
    with pytest.raises(WrongSecondFactor):
        await world.second_factors.confirm("usr_ada", "000000x")
    assert (await world.enter()).user.id == "usr_ada"
    again = await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    assert again.secret != made.secret


async def test_then_a_code_is_needed_besides_the_password(world: World) -> None:
    app, _ = await protect(world)
    with pytest.raises(SecondFactorRequired):
        await world.enter()
    assert (await world.enter(code=app.code())).user.id == "usr_ada"
    # A wrong password says nothing of the second factor.
    with pytest.raises(WrongCredentials):
        await world.enter(password="wrong", code=app.code(30))


async def test_no_code_is_taken_twice(world: World) -> None:
    app, _ = await protect(world)
    await world.enter(code=app.code())
    with pytest.raises(WrongSecondFactor):
        await world.enter(code=app.code())
    with pytest.raises(WrongSecondFactor):
        await world.enter(code=app.code(-30))
    world.clock.forward(seconds=30)
    assert (await world.enter(code=app.code())).user.id == "usr_ada"


async def test_the_code_that_confirmed_is_used_up_too(world: World) -> None:
    made = await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    app = App(made.secret, world)
    await world.second_factors.confirm("usr_ada", app.code())
    with pytest.raises(WrongSecondFactor):
        await world.enter(code=app.code())


async def test_one_code_at_two_doors_opens_one(world: World) -> None:
    app, _ = await protect(world)
    outcomes = await asyncio.gather(*(world.enter(code=app.code()) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, WrongSecondFactor) for one in outcomes) == 3


async def test_codes_cannot_be_guessed_by_who_knows_the_password(world: World) -> None:
    app, _ = await protect(world)
    for attempt in range(5):
        with pytest.raises(WrongSecondFactor):
            await world.enter(code="000000x")
        # Asking without a code clears nothing.
        if attempt < 4:
            with pytest.raises(SecondFactorRequired):
                await world.enter()
    with pytest.raises(TooManyTries):
        await world.enter(code=app.code())


async def test_a_recovery_code_works_once(world: World) -> None:
    app, codes = await protect(world)
    text = codes[0].reveal()
    assert (await world.enter(recovery_code=text.upper())).user.id == "usr_ada"
    with pytest.raises(WrongSecondFactor):
        await world.enter(recovery_code=text)
    for wrong in ("", "x", app.code()):
        with pytest.raises(WrongSecondFactor):
            await world.enter(recovery_code=wrong)
    async with world.store.read() as reading:
        assert await reading.recovery_codes_left("usr_ada") == 9


async def test_new_recovery_codes_end_the_old_ones(world: World) -> None:
    _, old = await protect(world)
    new = await world.second_factors.renew_codes("usr_ada", Secret(PASSWORD), HOME)
    with pytest.raises(WrongSecondFactor):
        await world.enter(recovery_code=old[0].reveal())
    assert (await world.enter(recovery_code=new[0].reveal())).user.id == "usr_ada"


async def test_it_is_removed_with_the_password_only(world: World) -> None:
    _, codes = await protect(world)
    with pytest.raises(WrongCredentials):
        await world.second_factors.remove("usr_ada", Secret("wrong"), HOME)
    with pytest.raises(SecondFactorExists):
        await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    await world.second_factors.remove("usr_ada", Secret(PASSWORD), HOME)
    assert (await world.enter()).user.id == "usr_ada"
    with pytest.raises(NoSecondFactor):
        await world.second_factors.remove("usr_ada", Secret(PASSWORD), HOME)
    with pytest.raises(NoSecondFactor):
        await world.second_factors.renew_codes("usr_ada", Secret(PASSWORD), HOME)
    with pytest.raises(NoSecondFactor):
        await world.second_factors.confirm("usr_ada", codes[0].reveal())
    async with world.store.read() as reading:
        assert await reading.recovery_codes_left("usr_ada") == 0


async def test_the_secret_is_stored_sealed_and_for_its_user_alone(world: World) -> None:
    made = await world.second_factors.set_up("usr_ada", Secret(PASSWORD), HOME)
    async with world.store.read() as reading:
        factor = await reading.second_factor("usr_ada")
    assert factor is not None
    assert factor.sealed_secret.startswith("hw1.")
    assert made.secret.reveal() not in repr(factor)
