from __future__ import annotations

import asyncio

import pytest

from headworks.kernel.contention import TRIES, TransactionLost, until_it_holds


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was paused, instead of pausing."""
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return taken


class Race:
    """Loses so often before it wins."""

    def __init__(self, losses: int, loss: type[Exception] = TransactionLost) -> None:
        self.losses, self.loss, self.tried = losses, loss, 0

    async def __call__(self) -> int:
        self.tried += 1
        if self.tried <= self.losses:
            raise self.loss("lost")
        return self.tried


async def test_what_holds_is_tried_once(pauses: list[float]) -> None:
    assert await until_it_holds(Race(0)) == 1
    assert pauses == []


async def test_what_loses_is_begun_anew_with_growing_pauses(pauses: list[float]) -> None:
    assert await until_it_holds(Race(TRIES - 1)) == TRIES
    assert len(pauses) == TRIES - 1
    assert sum(pauses) < 1
    assert all(0.01 * 2**number <= pause <= 0.02 * 2**number for number, pause in enumerate(pauses))


async def test_the_budget_is_spent_and_the_loss_is_told(pauses: list[float]) -> None:
    race = Race(1000)
    with pytest.raises(TransactionLost):
        await until_it_holds(race)
    assert race.tried == TRIES


@pytest.mark.parametrize("error", [LookupError, asyncio.TimeoutError])
async def test_anything_else_is_no_loss(pauses: list[float], error: type[Exception]) -> None:
    race = Race(1000, error)
    with pytest.raises(error):
        await until_it_holds(race)
    assert race.tried == 1


async def test_who_calls_says_what_else_is_a_loss(pauses: list[float]) -> None:
    assert await until_it_holds(Race(2, LookupError), lost=(TransactionLost, LookupError)) == 3
