"""ETag, If-Match, If-None-Match on a thing that anybody may change."""

from __future__ import annotations

import asyncio
import hashlib

import httpx
import pytest
from fastapi import FastAPI, Request

from headworks.kernel.versions import Editing, check_version
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    Router,
    StrictModel,
    Versioned,
    envelope,
    install_problem_handlers,
    provide,
    public,
)


class Thing(Versioned):
    name: str
    uses: int = 0


class Name(StrictModel):
    name: str


class Shelf:
    """One thing, and nobody else's."""

    def __init__(self) -> None:
        self.thing = Thing(id="thg_1", version=1, name="a")


def build(shelf: Shelf) -> FastAPI:
    app, router = FastAPI(), Router()
    install_problem_handlers(app)

    @router.get("/things/{name}", dependencies=[public()])
    async def show(request: Request, name: str) -> Envelope[Thing]:
        return envelope(shelf.thing, request)

    @router.patch("/things/{name}", dependencies=[public()])
    async def change(request: Request, name: str, body: Name, if_match: IfMatch) -> Envelope[Thing]:
        check_version(if_match.expects(shelf.thing.id), shelf.thing.version)
        shelf.thing = shelf.thing.model_copy(update={"name": body.name, "version": shelf.thing.version + 1})
        return envelope(shelf.thing, request)

    @router.post("/things", dependencies=[public()], status_code=201)
    async def make(request: Request, body: Name) -> Envelope[Thing]:
        shelf.thing = Thing(id="thg_2", version=1, name=body.name)
        return envelope(shelf.thing, request)

    app.include_router(router)
    return app


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def app(shelf: Shelf) -> FastAPI:
    return build(shelf)


@pytest.fixture
def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://headworks")


async def tag_of(client: httpx.AsyncClient) -> str:
    return (await client.get("/things/a")).headers["etag"]


async def rename(client: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return await client.patch("/things/a", json={"name": name}, headers=sent)


async def test_a_tag_is_made_of_the_version(client: httpx.AsyncClient) -> None:
    mark = hashlib.sha256(b"thg_1").hexdigest()[:12]
    first = await tag_of(client)
    assert first.startswith(f'"1.{mark}.')
    assert first == await tag_of(client)
    changed = await rename(client, "b", if_match=first)
    assert changed.status_code == 200
    assert changed.headers["etag"] == await tag_of(client)
    assert changed.headers["etag"].startswith(f'"2.{mark}.')


async def test_what_is_made_brings_its_place_and_tag(client: httpx.AsyncClient) -> None:
    made = await client.post("/things", json={"name": "new"})
    assert made.headers["location"] == "/things/thg_2"
    assert made.headers["etag"] == await tag_of(client)


async def test_of_two_editors_one_wins(client: httpx.AsyncClient, shelf: Shelf) -> None:
    seen = await tag_of(client)
    answers = await asyncio.gather(*(rename(client, f"by {number}", if_match=seen) for number in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [412] * 19
    assert shelf.thing.version == 2


async def test_who_is_late_is_told_what_is_there(client: httpx.AsyncClient) -> None:
    seen = await tag_of(client)
    await rename(client, "b")
    late = await rename(client, "c", if_match=seen)
    assert (late.status_code, late.json()["error"]["code"]) == (412, "stale_version")
    assert (await rename(client, "c", if_match=late.headers["etag"])).status_code == 200


async def test_a_mere_use_does_not_stand_in_an_editors_way(client: httpx.AsyncClient, shelf: Shelf) -> None:
    seen = await tag_of(client)
    shelf.thing = shelf.thing.model_copy(update={"uses": 7})
    assert await tag_of(client) != seen
    assert (await rename(client, "b", if_match=seen)).status_code == 200


async def test_another_thing_of_the_same_name_is_another_thing(client: httpx.AsyncClient, shelf: Shelf) -> None:
    seen = await tag_of(client)
    shelf.thing = Thing(id="thg_9", version=1, name="a")
    assert (await rename(client, "b", if_match=seen)).status_code == 412


@pytest.mark.parametrize("tag", ['W/"1.0a1b2c3d4e5f"', '"else"', '""', 'W/"x"'])
async def test_a_tag_of_something_else_fits_nothing(client: httpx.AsyncClient, tag: str) -> None:
    assert (await rename(client, "b", if_match=tag)).status_code == 412


@pytest.mark.parametrize("tag", ["", "1", '"1', '"1", "2"', "W/*", "'1'"])
async def test_what_is_no_tag_is_named(client: httpx.AsyncClient, tag: str) -> None:
    answer = await rename(client, "b", if_match=tag)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["error"]["details"]] == ["header.if-match"]


async def test_two_headers_are_not_guessed_between(client: httpx.AsyncClient) -> None:
    seen = await tag_of(client)
    answer = await client.patch("/things/a", json={"name": "b"}, headers=[("if-match", seen), ("if-match", '"x"')])
    assert answer.status_code == 422


async def test_without_a_tag_it_is_up_to_the_installation(client: httpx.AsyncClient, app: FastAPI) -> None:
    assert (await rename(client, "b")).status_code == 200
    provide(app, Editing, Editing(if_match_required=True))
    refused = await rename(client, "c")
    assert (refused.status_code, refused.json()["error"]["code"]) == (428, "precondition_required")
    assert (await rename(client, "c", if_match="*")).status_code == 200


async def test_what_the_caller_has_is_not_sent_again(client: httpx.AsyncClient, shelf: Shelf) -> None:
    seen = await tag_of(client)
    for known in (seen, f'"x", W/{seen}', "*"):
        again = await client.get("/things/a", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", seen)
    for other in ('"x"', "nonsense", ""):
        assert (await client.get("/things/a", headers={"if-none-match": other})).status_code == 200
    shelf.thing = shelf.thing.model_copy(update={"uses": 8})
    assert (await client.get("/things/a", headers={"if-none-match": seen})).status_code == 200
