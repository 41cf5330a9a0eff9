"""Names, media types, methods, and routes that will go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query, Request

from headworks.kernel.errors import Conflict
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.web import (
    Envelope,
    Router,
    StrictModel,
    Surroundings,
    envelope,
    install_problem_handlers,
    public,
    retires,
)


class Body(StrictModel):
    name: str = "x"


class Search(StrictModel):
    since: str | None = Query(None, alias="from")


GOES = retires(
    datetime(2026, 1, 2, tzinfo=UTC), sunset_at=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC), successor="/api/v1/things"
)


def build() -> FastAPI:
    app, router = FastAPI(), Router(prefix="/api/v1")
    install_problem_handlers(app)

    @router.get("/things", dependencies=[public()])
    async def things(request: Request, state: Annotated[str | None, Query()] = None) -> Envelope[str]:
        return envelope(state or "all", request)

    @router.post("/things", dependencies=[public()])
    async def make(request: Request, body: Body) -> Envelope[str]:
        return envelope(body.name, request)

    @router.delete("/things/{name}", dependencies=[public()])
    async def remove(name: str) -> None: ...

    @router.get("/search", dependencies=[public()])
    async def search(request: Request, query: Annotated[Search, Query()]) -> Envelope[str]:
        return envelope(query.since or "", request)

    @router.get("/old/{name}", dependencies=[public(), GOES])
    async def old(request: Request, name: str) -> Envelope[str]:
        if name == "taken":
            raise Conflict("no")
        return envelope(name, request)

    outside = Router()

    @outside.get("/health", dependencies=[public()])
    async def health() -> str:
        return "ok"

    app.include_router(router)
    app.include_router(outside)
    return app


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Surroundings(build(), HttpMetrics(Metrics())))
    return httpx.AsyncClient(transport=transport, base_url="http://headworks")


def refusal(answer: httpx.Response) -> tuple[int, str, list[str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["error"]
    return answer.status_code, error["code"], [one["field"] for one in error["details"]]


async def test_a_parameter_that_is_not_known_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things?stat=active&page=2")
    assert refusal(answer) == (422, "invalid_request", ["query.stat", "query.page"])
    assert "did you mean state?" in answer.json()["detail"]
    assert "there are state" in answer.json()["detail"]
    assert refusal(await client.get("/api/v1/search?from=a&to=b"))[2] == ["query.to"]
    assert (await client.get("/api/v1/search?from=a")).json()["data"] == "a"


async def test_a_parameter_is_said_once(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things?state=a&state=b")
    assert refusal(answer) == (422, "invalid_request", ["query.state"])


async def test_outside_of_the_api_anything_may_be_asked(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health?from=probe", headers={"accept": "text/html"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/jsonx"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {},
    ],
)
async def test_a_body_is_json_or_nothing(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/api/v1/things", content=b"{}", headers=headers)
    assert refusal(answer) == (415, "unsupported_media_type", [])
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
async def test_json_goes_by_several_names(client: httpx.AsyncClient, kind: str) -> None:
    assert (await client.post("/api/v1/things", content=b"{}", headers={"content-type": kind})).status_code == 200


async def test_a_body_that_is_missing_is_said_to_be(client: httpx.AsyncClient) -> None:
    assert refusal(await client.post("/api/v1/things"))[:2] == (422, "invalid_request")


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*;q=0.5", "application/json;q=0", "image/*"])
async def test_who_takes_no_json_gets_none(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/api/v1/things", headers={"accept": accept})
    assert refusal(answer) == (406, "not_acceptable", [])


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "text/html, application/json;q=0.1", "", "Application/JSON"]
)
async def test_who_takes_json_gets_it(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/api/v1/things", headers={"accept": accept})).status_code == 200


async def test_a_wrong_method_is_told_every_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/v1/things")
    assert refusal(answer) == (405, "method_not_allowed", [])
    assert answer.headers["allow"] == "GET, POST"
    assert (await client.get("/api/v1/things/x")).headers["allow"] == "DELETE"


@pytest.mark.parametrize("name", ["fine", "taken"])
async def test_a_route_that_will_go_says_so_whatever_it_answers(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/api/v1/old/{name}")
    assert answer.status_code == (200 if name == "fine" else 409)
    assert answer.headers["deprecation"] == "@1767312000"
    assert answer.headers["sunset"] == "Sat, 02 Jan 2027 03:04:05 GMT"
    assert answer.headers["link"] == '</api/v1/things>; rel="successor-version"'
    assert "deprecation" not in (await client.get("/api/v1/things")).headers
