"""A POST that is sent twice is done once, over HTTP and on a real database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from sqlalchemy import Column, String, Table, func, insert, select

from headworks.kernel.database import EVERYTHING, Database, Schema, new_metadata, prepare_schema
from headworks.kernel.database.replies import SqlReplies, replies_table
from headworks.kernel.errors import Conflict
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer
from headworks.kernel.web import (
    Authenticator,
    Envelope,
    Once,
    Router,
    StrictModel,
    Versioned,
    envelope,
    install_problem_handlers,
    no_content,
    provide,
    public,
    repeatable,
    require,
)

METADATA = new_metadata()
THINGS = Table("things", METADATA, Column("name", String))
REPLIES = replies_table("identity", METADATA)
Caller = Annotated[Principal, require("keys:write")]


class Name(StrictModel):
    name: str


class Thing(Versioned):
    name: str


class Door:
    async def authenticate(self, token: str, _source: str | None) -> Principal:
        return Principal(token, "key", "org_1", "prj_1", frozenset({"keys:write"}))


class Plant:
    """A database, an application on it, and what goes wrong there."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.crash_after_commit = False
        self.refuse = False
        self.app = FastAPI()
        install_problem_handlers(self.app)
        provide(self.app, Authenticator, Door())
        replies = SqlReplies(database, REPLIES, sealer, lambda: datetime(2026, 1, 2, tzinfo=UTC))
        provide(self.app, Once, Once(replies))
        self.app.include_router(self.routes())

    def routes(self) -> Router:
        router = Router()

        @router.post("/things", status_code=201)
        async def make(request: Request, body: Name, _caller: Caller) -> Envelope[Thing]:
            async with self.database.transaction(EVERYTHING) as connection:
                self.entered.set()
                if self.gate is not None:
                    await self.gate.wait()
                if self.refuse:
                    raise Conflict("It is there already.")
                await connection.execute(insert(THINGS), [{"name": body.name}])
                answer = envelope(Thing(id=f"thg_{body.name}", version=1, name=body.name), request)
            if self.crash_after_commit:
                raise ConnectionResetError
            return answer

        @router.post("/forgetful")
        async def forgetful(request: Request, body: Name, _caller: Caller) -> Envelope[str]:
            async with self.database.transaction(EVERYTHING) as connection:
                await connection.execute(insert(THINGS), [{"name": body.name}])
            return envelope(body.name, request)

        @router.post("/quiet", status_code=204)
        async def quiet(request: Request, _caller: Caller) -> Response:
            async with self.database.transaction(EVERYTHING) as connection:
                await connection.execute(insert(THINGS), [{"name": "quiet"}])
                return no_content(request)

        @router.post("/free", dependencies=[repeatable()])
        async def free(_caller: Caller) -> None:
            async with self.database.transaction(EVERYTHING) as connection:
                await connection.execute(insert(THINGS), [{"name": "free"}])

        @router.post("/open", dependencies=[public()])
        async def anybody() -> None:
            async with self.database.transaction(EVERYTHING) as connection:
                await connection.execute(insert(THINGS), [{"name": "open"}])

        return router

    def client(self, caller: str = "ada") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {caller}"}
        return httpx.AsyncClient(transport=transport, base_url="http://headworks", headers=headers)

    async def count(self) -> int:
        async with self.database.read(EVERYTHING) as connection:
            return int(await connection.scalar(select(func.count()).select_from(THINGS)) or 0)


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    prepare_schema(tmp_path / "x.sqlite3", Schema("identity", METADATA, head="x"))
    database = Database.sqlite(tmp_path / "x.sqlite3")
    yield Plant(database, Sealer({"k": os.urandom(32)}, "k"))
    await database.close()


def keyed(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_second_time_it_is_only_answered(plant: Plant) -> None:
    async with plant.client() as client:
        first = await client.post("/things", json={"name": "a"}, headers=keyed('"8e03978e-40d5"'))
        again = await client.post("/things", json={"name": "a"}, headers=keyed("8e03978e-40d5"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await plant.count() == 1


async def test_without_a_key_it_is_done_each_time(plant: Plant) -> None:
    async with plant.client() as client:
        for _ in range(2):
            assert (await client.post("/things", json={"name": "a"})).status_code == 201
    assert await plant.count() == 2


@pytest.mark.parametrize(
    ("path", "body"), [("/things", {"name": "b"}), ("/things?x=1", {"name": "a"}), ("/quiet", {"name": "a"})]
)
async def test_a_key_is_for_one_request(plant: Plant, path: str, body: dict[str, str]) -> None:
    async with plant.client() as client:
        await client.post("/things", json={"name": "a"}, headers=keyed("k"))
        other = await client.post(path, json=body, headers=keyed("k"))
    assert code(other) == (422, "idempotency_key_reused")
    assert await plant.count() == 1


async def test_each_caller_has_keys_of_their_own(plant: Plant) -> None:
    for caller in ("ada", "grace"):
        async with plant.client(caller) as client:
            answer = await client.post("/things", json={"name": caller}, headers=keyed("k"))
        assert answer.json()["data"]["name"] == caller
    assert await plant.count() == 2


async def test_while_it_runs_it_is_not_begun_again(plant: Plant) -> None:
    plant.gate = asyncio.Event()
    async with plant.client() as client:
        first = asyncio.create_task(client.post("/things", json={"name": "a"}, headers=keyed("k")))
        await plant.entered.wait()
        second = await client.post("/things", json={"name": "a"}, headers=keyed("k"))
        plant.gate.set()
        assert (await first).status_code == 201
        assert code(second) == (409, "idempotency_in_progress")
        assert second.headers["retry-after"] == "1"
        third = await client.post("/things", json={"name": "a"}, headers=keyed("k"))
    assert third.content == (await first).content
    assert await plant.count() == 1


async def test_what_failed_is_tried_anew(plant: Plant) -> None:
    async with plant.client() as client:
        plant.refuse = True
        assert code(await client.post("/things", json={"name": "a"}, headers=keyed("k"))) == (409, "conflict")
        plant.refuse = False
        assert (await client.post("/things", json={"name": "a"}, headers=keyed("k"))).status_code == 201
    assert await plant.count() == 1


async def test_a_crash_after_the_commit_loses_no_answer(plant: Plant) -> None:
    async with plant.client() as client:
        plant.crash_after_commit = True
        assert (await client.post("/things", json={"name": "a"}, headers=keyed("k"))).status_code == 500
        plant.crash_after_commit = False
        again = await client.post("/things", json={"name": "a"}, headers=keyed("k"))
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json()["data"]["name"] == "a"
    assert await plant.count() == 1


async def test_where_the_answer_cannot_be_kept_nothing_is_done(plant: Plant) -> None:
    async def broken(_connection: object) -> None:
        raise OSError

    plant.database.before_commit(broken)
    async with plant.client() as client:
        assert (await client.post("/things", json={"name": "a"}, headers=keyed("k"))).status_code == 500
    assert await plant.count() == 0


@pytest.mark.parametrize("headers", [{}, keyed("k")])
async def test_a_route_that_answers_too_late_does_nothing(plant: Plant, headers: dict[str, str]) -> None:
    async with plant.client() as client:
        assert (await client.post("/forgetful", json={"name": "a"}, headers=headers)).status_code == 500
    assert await plant.count() == 0


async def test_an_answer_without_a_body_is_kept_too(plant: Plant) -> None:
    async with plant.client() as client:
        answers = [await client.post("/quiet", headers=keyed("k")) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert await plant.count() == 1


@pytest.mark.parametrize("path", ["/free", "/open"])
async def test_some_routes_keep_nothing(plant: Plant, path: str) -> None:
    async with plant.client() as client:
        for _ in range(2):
            answer = await client.post(path, headers=keyed("k"))
            assert answer.status_code == 200
            assert "idempotency-replayed" not in answer.headers
    assert await plant.count() == 2


@pytest.mark.parametrize("key", ["", " ", "a b", '"', '""', "x" * 256, '"a"b"c'])
async def test_what_is_no_key_is_named(plant: Plant, key: str) -> None:
    async with plant.client() as client:
        answer = await client.post("/things", json={"name": "a"}, headers=keyed(key))
    assert code(answer) == (422, "invalid_request")
    assert answer.json()["error"]["details"][0]["field"] == "header.idempotency-key"
    assert await plant.count() == 0


async def test_two_keys_are_not_guessed_between(plant: Plant) -> None:
    async with plant.client() as client:
        answer = await client.post(
            "/things", json={"name": "a"}, headers=[("idempotency-key", "a"), ("idempotency-key", "b")]
        )
    assert answer.status_code == 422
