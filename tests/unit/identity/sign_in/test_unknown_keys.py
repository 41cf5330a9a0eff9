"""Who tries keys is slowed down by where they come from; who holds one that works is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headworks.identity.errors import InvalidKey, InvalidToken, TooManyUnknownKeys, WrongKindOfKey
from headworks.identity.queries import strangers as module
from headworks.identity.queries.strangers import KnownKeys
from headworks.identity.queries.tokens import PublicKeys, Tokens
from headworks.kernel.database import DatabaseUnavailable
from headworks.kernel.errors import HeadworksError
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.strangers import Strangers
from tests.support.sign_in import World

HERE, ELSEWHERE = "192.0.2.7", "192.0.2.8"
BURST = 3


class Keys:
    """A few that work, until they do not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.work = {"good", "other"}
        self.fails: HeadworksError | None = None

    async def __call__(self, token: str, _source: str | None) -> Principal:
        self.asked.append(token)
        if self.fails is not None:
            raise self.fails
        if token not in self.work:
            raise InvalidKey("The key is not known here.")
        return Principal(token, "key", "org_1", "prj_1", MANAGEMENT)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def door(keys: Keys) -> KnownKeys:
    return KnownKeys(keys, Strangers(1.0, BURST, clock=lambda: 1000.0))


async def try_keys(door: KnownKeys, count: int, source: str = HERE) -> None:
    for number in range(count):
        with pytest.raises(InvalidKey):
            await door(f"guess {number}", source)


async def test_after_so_many_tries_nothing_is_looked_up(door: KnownKeys, keys: Keys) -> None:
    await try_keys(door, BURST)
    keys.asked.clear()
    with pytest.raises(TooManyUnknownKeys, match="keys that are not known here came from this address") as caught:
        await door("one more", HERE)
    assert (caught.value.status, caught.value.retry_after, keys.asked) == (429, 2, [])
    await try_keys(door, 1, ELSEWHERE)


async def test_a_key_that_was_let_in_goes_on_working_from_there(door: KnownKeys) -> None:
    assert (await door("good", HERE)).id == "good"
    await try_keys(door, BURST)
    for _ in range(10):
        assert (await door("good", HERE)).id == "good"
    # One that this process has not seen yet costs a try, as the engine has it.
    with pytest.raises(TooManyUnknownKeys):
        await door("other", HERE)
    assert (await door("other", ELSEWHERE)).id == "other"
    assert (await door("other", HERE)).id == "other"


async def test_keys_that_work_cost_nothing(door: KnownKeys, keys: Keys) -> None:
    keys.work = {str(number) for number in range(50)}
    for key in keys.work:
        await door(key, HERE)


async def test_a_key_that_stopped_working_is_a_strangers(door: KnownKeys, keys: Keys) -> None:
    await door("good", HERE)
    keys.work.clear()
    for _ in range(1 + BURST):
        with pytest.raises(InvalidKey):
            await door("good", HERE)
    with pytest.raises(TooManyUnknownKeys):
        await door("good", HERE)


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), WrongKindOfKey("for /v1")])
async def test_what_is_not_the_callers_guess_costs_nothing(door: KnownKeys, keys: Keys, error: HeadworksError) -> None:
    keys.fails = error
    for _ in range(10 * BURST):
        with pytest.raises(type(error)):
            await door("good", HERE)


async def test_what_is_remembered_is_bounded(door: KnownKeys, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KNOWN", 4)
    keys.work = {str(number) for number in range(20)}
    for key in keys.work:
        await door(key, HERE)
    assert len(door._known) == 4


async def test_made_up_signing_keys_are_not_looked_up_without_end(world: World) -> None:
    """Each names a key that nobody has: who sends many asks the database for each."""
    granted = await world.enter()
    public = PublicKeys(world.store, Strangers(1.0, BURST, clock=lambda: 1000.0))
    world.door = replace(world.door, tokens=Tokens(public, world.settings.issuer))
    for number in range(BURST):
        with pytest.raises(InvalidToken):
            await public.get(f"forged {number}", HERE)
    with pytest.raises(TooManyUnknownKeys):
        await public.get("forged again", HERE)
    # The token of somebody who signed in names a key that is ours, once it was heard of.
    assert (await world.door.authenticate(granted.access_token.reveal(), ELSEWHERE)).id == "usr_ada"
    assert (await world.door.authenticate(granted.access_token.reveal(), HERE)).id == "usr_ada"
