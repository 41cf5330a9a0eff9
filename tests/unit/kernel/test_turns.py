"""So many requests at a time, in the order in which they came; and who waits for something else keeps nobody out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from headworks.kernel.patience import will_wait
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.web import Router, Surroundings, public
from headworks.kernel.web.turns import MOST, Turns

FOREVER = 3600.0


class Work:
    """What a route does: it waits until it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, name: str, *, patient: bool = False) -> None:
        self.begun.append(name)
        if patient:
            will_wait()
        await self.go.wait()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def worked(turns: Turns, work: Work, name: str, *, patient: bool = False) -> None:
    with turns.turn() as turn:
        await turn.take()
        await work(name, patient=patient)


async def test_no_more_than_so_many_and_the_next_in_order() -> None:
    turns, work = Turns(most=2, longest_seconds=FOREVER), Work()
    tasks = [asyncio.create_task(worked(turns, work, str(number))) for number in range(5)]
    await settle()
    assert work.begun == ["0", "1"]
    work.go.set()
    await asyncio.gather(*tasks)
    assert work.begun == ["0", "1", "2", "3", "4"]


async def test_who_waits_for_something_else_lets_the_next_one_in() -> None:
    turns, work = Turns(most=1, longest_seconds=FOREVER), Work()
    tasks = [asyncio.create_task(worked(turns, work, str(number), patient=True)) for number in range(3)]
    await settle()
    assert work.begun == ["0", "1", "2"]
    work.go.set()
    await asyncio.gather(*tasks)
    # Nobody's place was given back twice.
    held = Work()
    more = [asyncio.create_task(worked(turns, held, str(number))) for number in range(2)]
    await settle()
    assert held.begun == ["0"]
    held.go.set()
    await asyncio.gather(*more)


async def test_a_turn_that_lasts_ends() -> None:
    turns, work = Turns(most=1, longest_seconds=0.001), Work()
    tasks = [asyncio.create_task(worked(turns, work, str(number))) for number in range(3)]
    while len(work.begun) < 3:
        await asyncio.sleep(0)
    work.go.set()
    await asyncio.gather(*tasks)


async def test_who_goes_away_while_waiting_takes_no_turn() -> None:
    turns, work = Turns(most=1, longest_seconds=FOREVER), Work()
    first, second, third = (asyncio.create_task(worked(turns, work, name)) for name in "abc")
    await settle()
    second.cancel()
    await settle()
    work.go.set()
    await asyncio.gather(first, third)
    assert work.begun == ["a", "c"]
    assert second.cancelled()


def app_of(work: Work) -> Surroundings:
    router, app = Router(), FastAPI()

    @router.post("/api/v1/work", dependencies=[public()])
    async def post(name: str, request: Request) -> None:
        await request.body()
        await work(name)

    @router.get("/healthz", dependencies=[public()])
    async def health() -> None:
        work.begun.append("health")

    app.include_router(router)
    return Surroundings(app, HttpMetrics(Metrics()))


@pytest.fixture
async def client() -> AsyncIterator[tuple[httpx.AsyncClient, Work]]:
    work = Work()
    transport = httpx.ASGITransport(app_of(work))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made, work


async def test_over_http_it_is_the_same_and_health_waits_for_nobody(client: tuple[httpx.AsyncClient, Work]) -> None:
    http, work = client
    tasks = [asyncio.create_task(http.post("/api/v1/work", params={"name": f"{n}"}, content=b"{}")) for n in range(9)]
    while len(work.begun) < MOST:
        await asyncio.sleep(0)
    await settle()
    assert len(work.begun) == MOST
    assert (await http.get("/healthz")).status_code == 200
    work.go.set()
    assert {answer.status_code for answer in await asyncio.gather(*tasks)} == {200}


async def test_who_sends_slowly_keeps_nobody_out(client: tuple[httpx.AsyncClient, Work]) -> None:
    http, work = client
    rest = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await rest.wait()
        yield b"}"

    slow_ones = [
        asyncio.create_task(http.post("/api/v1/work", params={"name": "slow"}, content=slow())) for _ in range(2 * MOST)
    ]
    await settle()
    quick = asyncio.create_task(http.post("/api/v1/work", params={"name": "quick"}, content=b"{}"))
    while not work.begun:
        await asyncio.sleep(0)
    assert work.begun == ["quick"]
    work.go.set()
    await quick
    rest.set()
    assert {answer.status_code for answer in await asyncio.gather(*slow_ones)} == {200}
