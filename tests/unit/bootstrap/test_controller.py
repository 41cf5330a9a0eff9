from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from headworks.bootstrap.controller import ControllerThread
from headworks.kernel.errors import Unavailable
from tests.support.engine_twin import EngineTwin


@dataclass
class Echo:
    """Answers with the question; refuses to be closed twice."""

    closed: int = 0
    fail: bool = False
    seen: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Echo]:
        yield self
        self.closed += 1

    async def answer(self, number: int, question: str) -> tuple[int, str]:
        self.seen.append(question)
        if self.fail:
            raise ZeroDivisionError
        return number, f'{{"echo": {question}}}'


@pytest.fixture
def parts() -> Echo:
    return Echo()


@pytest.fixture
def engine() -> EngineTwin:
    return EngineTwin()


@pytest.fixture
def thread(engine: EngineTwin, parts: Echo) -> Iterator[ControllerThread]:
    thread = ControllerThread(engine, parts.opened())
    thread.start()
    yield thread
    thread.stop()


@pytest.mark.usefixtures("thread")
def test_questions_are_answered(engine: EngineTwin, parts: Echo) -> None:
    for number in range(200):
        assert engine.ask({"n": number}) == {"echo": {"n": number}}
    assert len(parts.seen) == 200


@pytest.mark.usefixtures("thread")
def test_whoever_waits_hears_something(engine: EngineTwin, parts: Echo, log: io.StringIO) -> None:
    parts.fail = True
    refusal = engine.ask({"n": 1})["refusal"]
    assert (refusal["status"], refusal["cache_ms"]) == (503, 0)
    assert "answer not taken" in log.getvalue()
    parts.fail = False
    assert engine.ask({"n": 2}) == {"echo": {"n": 2}}


async def test_its_end_is_noticed(thread: ControllerThread, parts: Echo) -> None:
    await thread.probe()
    thread.stop()
    thread.stop()
    assert parts.closed == 1
    with pytest.raises(Unavailable, match="controller has stopped"):
        await thread.probe()
