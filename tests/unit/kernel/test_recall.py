"""What others hold is asked back seldom, and not waited for without end."""

from __future__ import annotations

import asyncio

import pytest

from headworks.kernel import recall
from headworks.kernel.recall import Recall


async def test_what_comes_while_it_is_looked_is_seen() -> None:
    one = Recall(patience_seconds=600)
    looks: list[int] = []

    async def ask() -> None:
        one.came_back("a")

    async def look() -> int:
        looks.append(len(looks))
        one.came_back("a")
        return len(looks)

    assert await one.until("a", lambda seen: seen == 3, ask, look) == 3


async def test_patience_ends_with_a_last_look() -> None:
    asked: list[str] = []

    async def ask() -> None:
        asked.append("asked")

    async def look() -> str:
        return "nothing"

    assert await Recall(0).until("a", lambda _seen: False, ask, look) == "nothing"
    assert asked == ["asked"]


async def test_another_thing_that_came_back_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "_LOOK_SECONDS", 600)
    one = Recall(600)

    async def nothing() -> None:
        """Ask nobody, see nothing."""

    waiting = asyncio.create_task(one.until("a", lambda _seen: True, nothing, nothing))
    await asyncio.sleep(0)
    one.came_back("b")
    await asyncio.sleep(0)
    assert not waiting.done()
    one.came_back("a")
    await waiting


def test_one_thing_is_asked_back_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(recall, "monotonic", lambda: now)
    one = Recall()
    assert [one.may_ask(what) for what in ("a", "a", "b")] == [True, False, True]
    now = recall.AGAIN_SECONDS
    assert one.may_ask("a")
    assert list(one._asked) == ["a"], "what was asked long ago is forgotten"
