from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from headworks.gateway.adapters.remembered_keys import RememberedKeys
from headworks.gateway.ports import FoundKey
from headworks.gateway.settings import GatewaySettings
from headworks.identity.contracts import KeyView
from headworks.kernel.errors import Unavailable
from tests.unit.gateway.conftest import key


@dataclass
class Identity:
    """Keys by their hash, while it answers."""

    known: dict[str, KeyView] = field(default_factory=dict)
    answers: bool = True
    time: float = 0

    async def find(self, key_hash: str) -> KeyView | None:
        if not self.answers:
            raise Unavailable("down")
        return self.known.get(key_hash)

    def remembered(self, size: int = 10) -> RememberedKeys:
        settings = GatewaySettings(hard_seconds=100, remembered_keys=size)
        return RememberedKeys(self.find, settings, lambda: self.time)


async def test_while_identity_answers_it_is_asked() -> None:
    identity = Identity({"a": key()})
    keys = identity.remembered()
    assert await keys.find("a") == FoundKey(key())
    identity.known["a"] = key(name="renamed")
    assert await keys.find("a") == FoundKey(key(name="renamed"))
    del identity.known["a"]
    assert await keys.find("a") == FoundKey(None)


async def test_in_an_outage_a_known_key_is_remembered_for_a_time() -> None:
    identity = Identity({"a": key()})
    keys = identity.remembered()
    await keys.find("a")
    identity.answers, identity.time = False, 99.5
    assert await keys.find("a") == FoundKey(key(), 99_500)
    identity.time = 100
    with pytest.raises(Unavailable):
        await keys.find("a")


async def test_in_an_outage_a_stranger_is_not_called_unknown() -> None:
    identity = Identity(answers=False)
    with pytest.raises(Unavailable):
        await identity.remembered().find("a")


async def test_a_key_that_was_gone_before_the_outage_is_not_remembered() -> None:
    identity = Identity({"a": key()})
    keys = identity.remembered()
    await keys.find("a")
    identity.known.clear()
    await keys.find("a")
    identity.answers = False
    with pytest.raises(Unavailable):
        await keys.find("a")


async def test_the_memory_is_bounded_and_keeps_the_last_used() -> None:
    identity = Identity({name: key(id=name) for name in "abc"})
    keys = identity.remembered(size=2)
    for name in "abac":
        await keys.find(name)
    identity.answers = False
    assert (await keys.find("a")).key == key(id="a")
    assert (await keys.find("c")).key == key(id="c")
    with pytest.raises(Unavailable):
        await keys.find("b")
