from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import bcrypt
import pytest

from headworks.identity.adapters.sign_in.bcrypt import Bcrypt
from headworks.identity.adapters.sign_in.memory import MemorySignIn
from headworks.identity.commands.sessions import Client
from headworks.identity.contracts import StoredPassword
from headworks.identity.errors import NotYourOrganization, SignInBusy, TooManyTries, WrongCredentials
from headworks.kernel.permissions import MANAGEMENT, OWN_ACCOUNT
from headworks.kernel.secrets import Secret
from tests.support.sign_in import HOME, NOON, PASSWORD, World


async def test_somebody_signs_in_and_is_known(world: World) -> None:
    granted = await world.enter()
    caller = await world.who(granted)
    assert (caller.id, caller.kind, caller.organization_id) == ("usr_ada", "user", "org_1")
    assert caller.session_id == granted.session.id
    assert "members:write" in caller.permissions
    assert "installation:operate" not in caller.permissions
    assert granted.csrf_token is None
    assert granted.session.source == "192.0.2.1"


async def test_the_address_is_found_whatever_its_case(world: World) -> None:
    assert (await world.enter("ADA")).user.id == "usr_ada"


async def test_the_role_is_that_of_where_they_act(world: World) -> None:
    caller = await world.who(await world.enter(organization_id="org_2"))
    assert caller.organization_id == "org_2"
    assert "keys:read" in caller.permissions
    assert "keys:write" not in caller.permissions


async def test_others_organisations_are_as_if_there_were_none(world: World) -> None:
    said = []
    for organization in ("org_3", "org_none", ""):
        with pytest.raises(NotYourOrganization) as caught:
            await world.enter(organization_id=organization)
        said.append(caught.value.message.replace(repr(organization), "it"))
    assert len(set(said)) == 1


async def test_a_disabled_organisation_lets_nobody_act(world: World) -> None:
    granted = await world.enter()
    await world.ground.organization("org_1", active=False)
    world.sessions.forget_all()
    assert (await world.who(granted)).permissions == OWN_ACCOUNT
    assert (await world.enter()).session.organization_id == "org_2"


async def test_an_operator_acts_anywhere(world: World) -> None:
    assert (await world.enter("eve")).session.organization_id == "org_1"
    caller = await world.who(await world.enter("eve", organization_id="org_3"))
    assert (caller.organization_id, caller.permissions) == ("org_3", MANAGEMENT)
    with pytest.raises(NotYourOrganization):
        await world.enter("eve", organization_id="org_none")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("ada", PASSWORD + "x"),
        ("ada", PASSWORD[:-1]),
        ("ada", PASSWORD + "\0"),
        ("ada", "x" * 73),
        ("ada", "x" * 65_536),
        ("ada", "\ud800"),
        ("bob", PASSWORD),
        ("nobody", PASSWORD),
        ("nobody", "x" * 73),
    ],
)
async def test_all_refusals_are_alike_and_cost_the_same(world: World, name: str, password: str) -> None:
    with pytest.raises(WrongCredentials) as caught:
        await world.enter(name, password)
    assert caught.value.message == "The email address or the password is wrong."
    assert (world.hasher.verified, world.hasher.hashed) == (1, 0)


async def test_bcrypt_itself_does_the_same_work_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """One comparison at the cost that is set, whether the user exists or not and however long the text is."""
    hasher = Bcrypt(5)
    stored = await hasher.hash(Secret(PASSWORD))
    assert not await hasher.verify(Secret("warm up: makes the stand-in"), None)
    costs: list[bytes] = []
    compare = bcrypt.checkpw

    def counted(text: bytes, against: bytes) -> bool:
        costs.append(against[:7])
        return compare(text, against)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for text, against in ((PASSWORD, stored), ("wrong", stored), ("x" * 73, stored), (PASSWORD, None)):
        assert await hasher.verify(Secret(text), against) == (text == PASSWORD and against is not None)
    assert costs == [b"$2b$05$"] * 4


async def test_a_disabled_user_is_refused_like_anybody(world: World) -> None:
    granted = await world.enter()
    await world.ground.user(replace(granted.user, state="disabled"))
    with pytest.raises(WrongCredentials):
        await world.enter()


async def test_a_password_is_hashed_anew_at_another_cost(world: World) -> None:
    world.hasher.inner = Bcrypt(5)
    await world.enter()
    async with world.store.read() as reading:
        stored = await reading.password("usr_ada")
    assert stored is not None
    assert stored.password_hash.startswith("$2b$05$")
    assert (await world.enter()).user.id == "usr_ada"
    assert world.hasher.hashed == 1


async def test_the_same_characters_open_however_they_were_typed(world: World) -> None:
    async with world.store.transaction() as unit:
        password_hash = await world.hasher.hash(Secret("caf\u00e9 au lait"))
        await unit.put_password("usr_ada", StoredPassword(password_hash, NOON))
    assert (await world.enter(password="cafe\u0301 au lait")).user.id == "usr_ada"


async def fail(world: World, times: int, name: str = "ada", client: Client = HOME) -> None:
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            await world.enter(name, "wrong", client)


@pytest.mark.parametrize("name", ["ada", "nobody"])
async def test_after_five_wrong_ones_everybody_waits(world: World, name: str) -> None:
    await fail(world, 5, name)
    before = world.hasher.verified
    with pytest.raises(TooManyTries) as caught:
        await world.enter(name)
    assert caught.value.retry_after == 1
    # Not even looked at, and not counted either.
    assert world.hasher.verified == before
    world.clock.forward(seconds=1)
    await fail(world, 1, name)
    with pytest.raises(TooManyTries) as caught:
        await world.enter(name)
    assert caught.value.retry_after == 2


async def test_success_clears_the_account_and_not_the_source(world: World) -> None:
    await fail(world, 4)
    await world.enter()
    await fail(world, 4)
    await world.enter()
    # Eight of the source's twenty are gone; others' accounts cannot be guessed at from here for ever.
    await fail(world, 4, "x1")
    await fail(world, 4, "x2")
    await fail(world, 4, "x3")
    with pytest.raises(TooManyTries):
        await world.enter()
    assert (await world.enter(client=Client("198.51.100.9", ""))).user.id == "usr_ada"


async def test_a_hundred_at_once_are_a_hundred(world: World) -> None:
    async def guess(number: int) -> type[Exception] | None:
        try:
            await world.enter("ada", f"guess {number}", Client(f"192.0.2.{number}", ""))
        except (TooManyTries, WrongCredentials) as error:
            return type(error)
        return None

    outcomes = await asyncio.gather(*(guess(number) for number in range(100)))
    assert outcomes.count(WrongCredentials) == 5
    assert outcomes.count(TooManyTries) == 95
    assert world.hasher.verified == 5


async def test_a_lock_lasts_over_a_restart(world: World) -> None:
    await fail(world, 5)
    again = World(world.ground)
    with pytest.raises(TooManyTries):
        await again.enter()


async def test_tries_of_strangers_do_not_pile_up(world: World) -> None:
    for number in range(10):
        await fail(world, 1, f"stranger{number}", Client(f"192.0.2.{number}", ""))
    world.clock.forward(days=2)
    await world.enter()
    async with world.store.transaction() as unit:
        assert [await unit.lock_tries(key) for key in ("source:192.0.2.3", "source:192.0.2.9")] == [None, None]


async def test_what_was_tried_is_in_no_log_and_no_audit(world: World, log: io.StringIO) -> None:
    with pytest.raises(WrongCredentials):
        await world.enter("ada", "canary-e1a9f0c2")
    with pytest.raises(WrongCredentials):
        await world.enter("canary-77b1", "canary-e1a9f0c2")
    granted = await world.enter()
    shown = log.getvalue() + repr(granted) + str(granted)
    assert "sign-in refused" in shown
    assert "canary" not in shown
    assert granted.access_token.reveal() not in shown
    if isinstance(world.store, MemorySignIn):
        changes = world.store.tables.changes
        assert [change.action for change in changes].count("sign_in.refused") == 2
        assert "canary" not in repr(changes)


async def test_bcrypt_says_when_too_many_wait() -> None:
    hasher = Bcrypt(4)
    outcomes = await asyncio.gather(*(hasher.verify(Secret("x"), None) for _ in range(80)), return_exceptions=True)
    assert sum(isinstance(one, SignInBusy) for one in outcomes) == 16
    assert outcomes.count(False) == 64
