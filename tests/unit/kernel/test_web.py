from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request

from headworks.kernel.database import DatabaseUnavailable
from headworks.kernel.errors import Conflict, Unauthenticated
from headworks.kernel.pagination import CursorPage, Page, PageRequest
from headworks.kernel.permissions import Permission
from headworks.kernel.principal import Principal
from headworks.kernel.telemetry.metrics import HttpMetrics, Metrics
from headworks.kernel.web import (
    Authenticator,
    CursorEnvelope,
    CursorQuery,
    Envelope,
    PageEnvelope,
    PageQuery,
    Router,
    StrictModel,
    Surroundings,
    cursor_envelope,
    envelope,
    install_problem_handlers,
    page_envelope,
    provide,
    public,
    require,
)
from headworks.kernel.web.middleware import BODY_LIMIT_BYTES


class Body(StrictModel):
    count: int
    name: str = "x"


class Door:
    """Knows two keys."""

    sources: ClassVar[list[str | None]] = []

    async def authenticate(self, token: str, source: str | None) -> Principal:
        self.sources.append(source)
        permissions: dict[str, set[Permission]] = {"reader": {"keys:read"}, "writer": {"keys:read", "keys:write"}}
        if token not in permissions:
            raise Unauthenticated("The key is not known here.")
        return Principal(token, "key", "org_1", "prj_1", frozenset(permissions[token]))


def build() -> FastAPI:
    app, router = FastAPI(), Router()
    install_problem_handlers(app)
    provide(app, Authenticator, Door())

    @router.get("/open", dependencies=[public()])
    async def open_to_all(request: Request) -> Envelope[str]:
        return envelope("hello", request)

    @router.get("/who")
    async def who(request: Request, caller: Annotated[Principal, require("keys:read")]) -> Envelope[str]:
        return envelope(caller.id, request)

    @router.post("/things/{number}")
    async def create(
        request: Request, number: int, body: Body, _caller: Annotated[Principal, require("keys:write")]
    ) -> Envelope[int]:
        return envelope(number + body.count, request)

    @router.get("/metrics")
    async def metrics(caller: Annotated[Principal | None, require("metrics:read", or_loopback=True)]) -> str:
        return "anybody" if caller is None else caller.id

    @router.get("/pages", dependencies=[public()])
    async def pages(request: Request, paging: PageQuery) -> PageEnvelope[int]:
        return page_envelope(Page([1, 2], 5, paging), request)

    @router.get("/stretch", dependencies=[public()])
    async def stretch(request: Request, paging: CursorQuery) -> CursorEnvelope[int]:
        return cursor_envelope(CursorPage([1], None if paging.cursor else "next"), request)

    @router.get("/conflict", dependencies=[public()])
    async def conflict() -> None:
        raise Conflict("It is there already.", detail="for the log")

    @router.get("/outage", dependencies=[public()])
    async def outage() -> None:
        raise DatabaseUnavailable("Try again.", detail="disk I/O error")

    @router.get("/bug", dependencies=[public()])
    async def bug() -> None:
        raise ZeroDivisionError("canary")

    app.include_router(router)
    return app


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(metrics: Metrics) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Surroundings(build(), HttpMetrics(metrics)))
    return httpx.AsyncClient(transport=transport, base_url="http://headworks")


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["error"]["code"] == code
    assert body["meta"]["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail", "instance"} <= body.keys()
    return body


async def test_an_answer_is_in_the_envelope(client: httpx.AsyncClient) -> None:
    answer = await client.get("/open", headers={"x-request-id": "req_given"})
    assert answer.status_code == 200
    assert answer.json()["data"] == "hello"
    assert answer.json()["meta"]["request_id"] == "req_given" == answer.headers["x-request-id"]
    assert answer.json()["meta"]["timestamp"].endswith("Z")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("wild", ["", "a b", "x" * 129, 'a"b', "<script>"])
async def test_a_request_id_that_is_wild_is_replaced(client: httpx.AsyncClient, wild: str) -> None:
    answer = await client.get("/open", headers={"x-request-id": wild})
    assert answer.headers["x-request-id"].startswith("req_")


async def test_without_a_key_nobody_enters(client: httpx.AsyncClient) -> None:
    answer = await client.get("/who")
    assert "Authorization: Bearer" in problem(answer, 401, "unauthenticated")["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["reader", "Basic reader", "Bearer", "Bearer  "])
async def test_a_key_is_sent_as_a_bearer_token(client: httpx.AsyncClient, header: str) -> None:
    problem(await client.get("/who", headers={"authorization": header}), 401, "unauthenticated")


async def test_two_keys_at_once_are_refused(client: httpx.AsyncClient) -> None:
    headers = [("authorization", "Bearer reader"), ("authorization", "Bearer writer")]
    assert "Two" in problem(await client.get("/who", headers=headers), 401, "unauthenticated")["detail"]


async def test_a_key_with_the_permission_enters(client: httpx.AsyncClient) -> None:
    assert (await client.get("/who", headers=bearer("reader"))).json()["data"] == "reader"


async def test_who_calls_is_asked_before_the_body_is_read(client: httpx.AsyncClient) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    headers = {"content-type": "application/json"}
    problem(await client.post("/things/1", content=unread(), headers=headers), 401, "unauthenticated")
    problem(
        await client.post("/things/1", content=unread(), headers=headers | bearer("reader")), 403, "missing_permission"
    )


async def test_a_key_without_the_permission_is_told_which(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things/1", json={"count": 1}, headers=bearer("reader"))
    assert "keys:write" in problem(answer, 403, "missing_permission")["detail"]


@pytest.mark.parametrize("hops", ["127.0.0.1", "::1", "127.0.0.1, 127.0.0.9"])
async def test_this_machine_may_read_metrics(client: httpx.AsyncClient, hops: str) -> None:
    assert (await client.get("/metrics", headers={"x-forwarded-for": hops})).json() == "anybody"


@pytest.mark.parametrize(
    "hops", ["10.0.0.1", "127.0.0.1, 10.0.0.1", "10.0.0.1, 127.0.0.1", "localhost", "", "127.0.0.1,"]
)
async def test_others_need_a_key_for_metrics(client: httpx.AsyncClient, hops: str) -> None:
    problem(await client.get("/metrics", headers={"x-forwarded-for": hops}), 401, "unauthenticated")


async def test_a_wrong_field_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things/1", json={"count": "many", "nmae": "x"}, headers=bearer("writer"))
    body = problem(answer, 422, "invalid_request")
    found = {field["field"]: field["message"] for field in body["error"]["details"]}
    assert found.keys() == {"count", "nmae"}
    assert found["nmae"] == "is not a known field"
    assert "count" in body["detail"]


async def test_a_wrong_path_or_query_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things/one", json={"count": 1}, headers=bearer("writer"))
    assert problem(answer, 422, "invalid_request")["error"]["details"][0]["field"] == "path.number"
    answer = await client.get("/pages", params={"per_page": 1000})
    assert problem(answer, 422, "invalid_request")["error"]["details"][0]["field"] == "query.per_page"


async def test_what_is_no_json_is_shown_where(client: httpx.AsyncClient) -> None:
    headers = {**bearer("writer"), "content-type": "application/json"}
    body = problem(await client.post("/things/1", content=b'{"count": 1,}', headers=headers), 400, "malformed_json")
    assert "character" in body["detail"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b'"\xc3"', b"[" * 100_000, b"\x00", b'{"count": 1e999}', b'{"count": NaN}']
)
async def test_no_body_breaks_it(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {**bearer("writer"), "content-type": "application/json"}
    answer = await client.post("/things/1", content=content, headers=headers)
    assert answer.status_code in {400, 422}, answer.text


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    headers = {**bearer("writer"), "content-type": "application/json"}
    large = b'"' + b"x" * BODY_LIMIT_BYTES + b'"'
    problem(await client.post("/things/1", content=large, headers=headers), 413, "body_too_large")


async def test_a_body_that_does_not_tell_its_length_is_counted(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * (BODY_LIMIT_BYTES // 10)

    headers = {**bearer("writer"), "content-type": "application/json"}
    problem(await client.post("/things/1", content=pieces(), headers=headers), 413, "body_too_large")


async def test_an_unknown_path_and_a_wrong_method_are_problems(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "no_such_route")
    answer = await client.delete("/open")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_our_errors_speak_to_the_caller_and_to_the_log_apart(client: httpx.AsyncClient, log: io.StringIO) -> None:
    body = problem(await client.get("/conflict"), 409, "conflict")
    assert body["detail"] == "It is there already."
    assert "for the log" not in json.dumps(body)
    body = problem(await client.get("/outage"), 503, "database_unavailable")
    assert "disk" not in json.dumps(body)
    assert "disk I/O error" in log.getvalue()


async def test_a_bug_shows_nothing_but_its_request_id(client: httpx.AsyncClient, log: io.StringIO) -> None:
    answer = await client.get("/bug", headers={"x-request-id": "req_bug"})
    assert "canary" not in json.dumps(problem(answer, 500, "internal_error"))
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [line for line in logged if line["event"] == "unforeseen error"]
    assert "canary" in line["exception"]
    assert line["request_id"] == "req_bug"


async def test_pages_link_to_their_neighbours(client: httpx.AsyncClient) -> None:
    body = (await client.get("/pages", params={"page": 2, "per_page": 2, "sort": "a b"})).json()
    assert body["meta"].items() >= {"page": 2, "per_page": 2, "total": 5, "total_pages": 3}.items()
    assert body["links"] == {
        "self": "/pages?page=2&per_page=2&sort=a+b",
        "next": "/pages?page=3&per_page=2&sort=a+b",
        "prev": "/pages?page=1&per_page=2&sort=a+b",
    }
    assert PageRequest(3, 2).offset == 4


async def test_links_do_not_trust_the_host_header(client: httpx.AsyncClient) -> None:
    body = (await client.get("/pages", headers={"host": "evil/x?y#"})).json()
    assert body["links"]["self"] == "/pages"


async def test_a_stretch_links_to_the_next_one(client: httpx.AsyncClient) -> None:
    body = (await client.get("/stretch")).json()
    assert body["links"]["next"] == "/stretch?cursor=next"
    assert (await client.get(body["links"]["next"])).json()["links"]["next"] is None


async def test_requests_are_counted_by_route(client: httpx.AsyncClient, metrics: Metrics) -> None:
    await client.post("/things/7", json={"count": 1}, headers=bearer("writer"))
    await client.get("/nowhere/1")
    await client.get("/bug")
    text = metrics.render()
    assert 'headworks_management_requests_total{method="POST",route="/things/{number}",status="200"} 1.0' in text
    assert 'headworks_management_requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'headworks_management_requests_total{method="GET",route="/bug",status="500"} 1.0' in text


async def test_who_need_not_say_who_they_are_may() -> None:
    app, router = FastAPI(), Router()
    install_problem_handlers(app)
    provide(app, Authenticator, Door())

    @router.get("/either")
    async def either(
        request: Request, caller: Annotated[Principal | None, public(recognise=True)]
    ) -> Envelope[str | None]:
        return envelope(None if caller is None else caller.id, request)

    app.include_router(router)
    whole = Surroundings(app, HttpMetrics(Metrics()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url="http://headworks") as client:
        assert (await client.get("/either")).json()["data"] is None
        assert (await client.get("/either", headers=bearer("reader"))).json()["data"] == "reader"
        problem(await client.get("/either", headers=bearer("forged")), 401, "unauthenticated")


async def test_the_engine_alone_says_where_a_caller_is(client: httpx.AsyncClient) -> None:
    Door.sources.clear()
    await client.get("/who", headers=bearer("reader") | {"x-forwarded-for": "203.0.113.7"})
    await client.get("/who", headers=bearer("reader") | {"x-headworks-client-address": "203.0.113.7"})
    assert Door.sources == [None, "203.0.113.7"]
