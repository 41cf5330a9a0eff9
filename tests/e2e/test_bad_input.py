"""Bad requests, sent by hand: each gets a clear error in OpenAI's shape, none reaches the upstream, and the process lives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.wire import Connection, Response, exchange, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.mock import MockProvider
    from tests.support.rig import Rig

CHAT = "/v1/chat/completions"
MEBIBYTE = 1024 * 1024


def chat(model: str, **fields: object) -> bytes:
    """The body of a sound chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]} | fields).encode()


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad request and the refusal that it must get."""

    name: str
    status: int
    says: str
    """Part of the message, whatever its case."""
    body: bytes = b""
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    path: str = CHAT


def bodies(model: str) -> list[Bad]:
    """Requests whose body or address is bad; `model` is one that exists."""
    good = chat(model)
    return [
        Bad("no model", 400, "model", b'{"messages": []}', code="missing_model", param="model"),
        Bad("null model", 400, "model", b'{"model": null, "messages": []}', param="model"),
        Bad("empty model", 400, "model", chat(""), param="model"),
        Bad("a model of another type", 400, "string", b'{"model": 7, "messages": []}', param="model"),
        Bad("a model too long", 400, "model", chat("m" * 300), param="model"),
        Bad("unknown model", 404, "headworks/echo", chat("headworks/ecco"), code="model_not_found", param="model"),
        Bad("a model with a zero-width space", 404, "does not exist", chat(model + "\u200b"), code="model_not_found"),
        Bad("no body", 400, "body", b""),
        Bad("not JSON", 400, "byte 1", b"{nonsense}"),
        Bad("cut JSON", 400, "line 1", good[:-5]),
        Bad("trailing garbage", 400, f"byte {len(good)}", good + b"x"),
        Bad("an array", 400, "object", b"[1]"),
        Bad("NaN", 400, "line 1", b'{"model": "m", "temperature": NaN}'),
        Bad("the model twice", 400, "model", good[:-1] + b', "model": "other"}', param="model"),
        Bad("the model twice, once escaped", 400, "model", good[:-1] + b', "mod\\u0065l": "other"}', param="model"),
        Bad(
            "stream_options twice", 400, "stream_options", good[:-1] + b', "stream_options": {}, "stream_options": {}}'
        ),
        Bad("nested too deeply", 400, "128", b'{"model": "m", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        Bad("bad UTF-8", 400, "utf-8", good.replace(b"hello", b"\xff\xfe")),
        Bad("UTF-16", 400, "", good.decode().encode("utf-16")),
        Bad("a byte order mark", 400, "", b"\xef\xbb\xbf" + good),
        Bad("n of zero", 400, "n", chat(model, n=0), param="n"),
        Bad("n absurd", 400, "1024", chat(model, n=10**9), param="n"),
        Bad("n of 5,000 digits", 400, "n", good[:-1] + b', "n": ' + b"9" * 5000 + b"}", param="n"),
        Bad("max_tokens absurd", 400, "max_tokens", chat(model, max_tokens=10**12), param="max_tokens"),
        Bad("max_tokens negative", 400, "max_tokens", chat(model, max_tokens=-1), param="max_tokens"),
        Bad("stream of another type", 400, "stream", chat(model, stream="yes"), param="stream"),
        Bad("wrong content type", 415, "application/json", good, headers={"content-type": "text/plain"}),
        Bad("no content type", 415, "application/json", good, headers={"content-type": ""}),
        Bad("compressed", 415, "compressed", good, headers={"content-encoding": "gzip"}),
        Bad(
            "a form without boundary",
            415,
            "boundary",
            b"x",
            path="/v1/audio/transcriptions",
            headers={"content-type": "multipart/form-data"},
        ),
        Bad(
            "a form that names no model",
            400,
            "model",
            b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF\r\n--b--\r\n',
            path="/v1/audio/transcriptions",
            headers={"content-type": "multipart/form-data; boundary=b"},
            param="model",
        ),
        Bad(
            "a form cut short",
            400,
            "form",
            b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF',
            path="/v1/audio/transcriptions",
            headers={"content-type": "multipart/form-data; boundary=b"},
        ),
    ]


def keys(rig: Rig) -> dict[str, tuple[dict[str, str], str]]:
    """Bad credentials: the headers, and part of the message."""
    right = rig.headworks.credentials.api_key
    unknown = rig.headworks.management.create_key("soon gone")
    rig.headworks.management.delete(f"/keys/{unknown['id']}")
    typo = right[:-1] + ("A" if right[-1] != "A" else "B")
    return {
        "no key": ({}, "authorization"),
        "an empty key": ({"authorization": "Bearer "}, "bearer"),
        "another scheme": ({"authorization": "Basic aHc6aHc="}, "bearer"),
        "a mistyped key": ({"authorization": f"Bearer {typo}"}, "checksum"),
        "an unknown key": ({"authorization": "Bearer sk-from-elsewhere"}, "key"),
        "a revoked key": ({"authorization": f"Bearer {unknown['key']}"}, "revoked"),
        "a key in another header": ({"x-api-key": right}, "x-api-key"),
        "a key that breaks SQL": ({"authorization": "Bearer ' OR 1=1--"}, "key"),
        "a key of 60 kB": ({"authorization": "Bearer " + "k" * 60_000}, "key"),
    }


def check(response: Response, status: int, says: str, *, code: str | None = None, param: str | None = None) -> None:
    """The refusal has the right status, shape and words, and says that it is the gateway's."""
    assert response.status == status, (response.status, response.body)
    error = response.error
    assert says.lower() in error["message"].lower()
    assert error["type"] == "invalid_request_error"
    assert response.headers["x-headworks-error-source"] == "gateway"
    assert response.headers["x-request-id"]
    if code is not None:
        assert error["code"] == code
    if param is not None:
        assert error["param"] == param


@pytest.fixture(autouse=True)
def nothing_is_forwarded(upstream: MockProvider) -> Iterator[None]:
    """No request of this file may reach the upstream."""
    upstream.wait_until_idle()
    before = upstream.stats()["requests"]
    yield
    assert upstream.stats()["requests"] == before


@pytest.fixture
def answers_still(rig: Rig) -> Callable[[], None]:
    """Asks the demo model, which has no upstream."""

    def ask() -> None:
        body = chat("headworks/echo")
        response = exchange(rig.headworks.port, post(CHAT, body, key=rig.headworks.credentials.api_key))
        assert response.status == httpx.codes.OK, response

    return ask


@pytest.mark.parametrize("name", [bad.name for bad in bodies("any")])
def test_bad_bodies(rig: Rig, name: str) -> None:
    bad = next(bad for bad in bodies(rig.model("mock")) if bad.name == name)
    request = post(bad.path, bad.body, key=rig.headworks.credentials.api_key, headers=bad.headers)
    check(exchange(rig.headworks.port, request), bad.status, bad.says, code=bad.code, param=bad.param)


def test_bad_keys(rig: Rig) -> None:
    body = chat(rig.model("mock"))
    for name, (headers, says) in keys(rig).items():
        response = exchange(rig.headworks.port, post(CHAT, body, key=None, headers=headers))
        assert response.status in {401, 431}, (name, response)
        if response.status == httpx.codes.UNAUTHORIZED:
            check(response, 401, says, code="invalid_api_key")


def test_two_credentials_are_refused(rig: Rig) -> None:
    key = rig.headworks.credentials.api_key
    request = post(CHAT, chat(rig.model("mock")), key=key).replace(
        b"\r\n", f"\r\nauthorization: Bearer {key}\r\n".encode(), 1
    )
    check(exchange(rig.headworks.port, request), 401, "more than one")


def test_a_management_key_does_not_infer(rig: Rig) -> None:
    request = post(CHAT, chat(rig.model("mock")), key=rig.headworks.credentials.management_key)
    response = exchange(rig.headworks.port, request)
    assert response.status == httpx.codes.FORBIDDEN
    assert "key" in response.error["message"]


def test_a_model_that_the_key_may_not_use_is_not_named(rig: Rig) -> None:
    hidden = rig.model("mock:tokens=31")
    limited = rig.headworks.management.create_key("limited", allowed_models=["headworks/echo"])
    response = exchange(rig.headworks.port, post(CHAT, chat(hidden[:-1]), key=limited["key"]))
    assert response.status == httpx.codes.NOT_FOUND
    assert hidden not in response.error["message"]
    assert exchange(rig.headworks.port, post(CHAT, chat(hidden), key=limited["key"])).status in {403, 404}


def test_a_body_over_the_cap_is_refused_before_it_is_read(rig: Rig) -> None:
    """It announces 64 GiB and sends nothing of it."""
    headers = {"content-length": str(64 * 1024 * MEBIBYTE)}
    request = post(CHAT, b"", key=rig.headworks.credentials.api_key, headers=headers)
    check(exchange(rig.headworks.port, request), 413, "larger")


def test_a_chunked_body_over_the_cap_is_refused(rig: Rig) -> None:
    headers = {"transfer-encoding": "chunked"}
    head = post(CHAT, b"", key=rig.headworks.credentials.api_key, headers=headers).replace(
        b"content-length: 0\r\n", b""
    )
    chunk = b"100000\r\n" + b" " * MEBIBYTE + b"\r\n"
    with Connection(rig.headworks.port) as connection:
        connection.send(head)
        for _ in range(33):
            connection.send(chunk)
        check(connection.response(), 413, "larger")


def framings(key: str) -> dict[str, tuple[bytes, int]]:
    """Requests whose framing a careless proxy would read in two ways."""
    line = f"POST {CHAT} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    smuggled = b"GET /v1/models HTTP/1.1\r\nhost: h\r\n\r\n"

    def request(*headers: str, body: bytes = b"") -> bytes:
        return line.encode() + "".join(f"{header}\r\n" for header in headers).encode() + b"\r\n" + body

    return {
        "length and chunks": (
            request("content-length: 6", "transfer-encoding: chunked", body=b"0\r\n\r\nX" + smuggled),
            400,
        ),
        "chunks and length": (
            request("transfer-encoding: chunked", "content-length: 6", body=b"0\r\n\r\nX" + smuggled),
            400,
        ),
        "two lengths": (request("content-length: 0", "content-length: 40", body=smuggled), 400),
        "a list of lengths": (request("content-length: 0, 40", body=smuggled), 400),
        "a signed length": (request("content-length: +4", body=b"{}{}"), 400),
        "a length beyond 64 bits": (request("content-length: 100000000000000000000"), 400),
        "chunked twice": (request("transfer-encoding: chunked", "transfer-encoding: chunked", body=b"0\r\n\r\n"), 400),
        "an unknown coding": (request("transfer-encoding: xchunked", body=b"0\r\n\r\n"), 400),
        "a space before the colon": (request("transfer-encoding : chunked", body=b"0\r\n\r\n"), 400),
        "a folded header": (request("x-long: a", " b", "content-length: 0"), 400),
        "a bare carriage return": (request("x: a\rb", "content-length: 0"), 400),
        "a NUL": (request("x: a\0b", "content-length: 0"), 400),
        "a chunk size that is no number": (request("transfer-encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"), 400),
        "a chunk size beyond 64 bits": (request("transfer-encoding: chunked", body=b"1" + b"0" * 17 + b"\r\n{}"), 400),
        "a chunk longer than it says": (request("transfer-encoding: chunked", body=b"1\r\n{}{}\r\n0\r\n\r\n"), 400),
        "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, 400),
        "another version": (f"POST {CHAT} HTTP/3.7\r\nhost: h\r\n\r\n".encode(), 400),
        "headers without end": (request(*(f"x-{number}: {'y' * 1000}" for number in range(600))), 431),
        "too many headers": (request(*(f"x-{number}: y" for number in range(2000))), 431),
        "a line without end": (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nhost: h\r\n\r\n", 431),
    }


@pytest.mark.parametrize("name", framings("key"))
def test_framing_that_can_be_read_in_two_ways_ends_the_connection(
    rig: Rig, answers_still: Callable[[], None], name: str
) -> None:
    data, status = framings(rig.headworks.credentials.api_key)[name]
    with Connection(rig.headworks.port) as connection:
        connection.send(data)
        response = connection.response()
        assert response.status in {status, 400}, response
        assert response.error["type"] == "invalid_request_error"
        assert connection.is_closed_by_peer(), "what follows could be a smuggled request"
    answers_still()


def test_http_1_0_and_odd_methods_and_paths(rig: Rig) -> None:
    key = f"authorization: Bearer {rig.headworks.credentials.api_key}\r\n"
    refused = {405, 404, 400, 403, 401, 501}
    for line in (
        "TRACE /v1/models",
        "CONNECT example.com:443",
        "DELETE /v1/chat/completions",
        "GET /v1/../api/v1/keys",
        "GET /v1/%2e%2e/api/v1/keys",
        "GET /v1//../../api/v1/keys",
        "GET /V1/models",
        "GET http://elsewhere.example/api/v1/keys",
        "GET /api/v1/keys;x=/v1/models",
        "GET /api/v1/keys%00",
    ):
        data = f"{line} HTTP/1.1\r\nhost: h\r\n{key}content-length: 0\r\nconnection: close\r\n\r\n".encode()
        response = exchange(rig.headworks.port, data)
        assert response.status in refused, (line, response)


def test_forged_addresses_do_not_open_the_management_api(rig: Rig) -> None:
    forged = {
        "x-forwarded-for": "127.0.0.1",
        "x-remote-user": "admin",
        "x-forwarded-host": "h",
        "x-real-ip": "127.0.0.1",
    }
    answer = httpx.get(f"{rig.headworks.url}/api/v1/keys", headers=forged, trust_env=False)
    assert answer.status_code == httpx.codes.UNAUTHORIZED


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headworks]:
    """A gateway that waits for slow senders only half a second."""
    limits = {"header_timeout_ms": "500", "body_progress_ms": "500", "idle_timeout_ms": "700"}
    with Headworks(tmp_path_factory.mktemp("hasty") / "home", **limits) as headworks:
        yield headworks


def test_slow_headers_are_cut_off_however_steadily_they_drip(hasty: Headworks) -> None:
    with Connection(hasty.port) as connection:
        connection.send(b"GET /v1/models HTTP/1.1\r\n")

        def drip() -> bool:
            connection.send(b"x")
            connection.socket.settimeout(0.05)
            try:
                return bool(connection.socket.recv(1, 2))  # MSG_PEEK
            except TimeoutError:
                return False

        eventually(drip, what="an answer to headers that never end")
        connection.socket.settimeout(10)
        response = connection.response()
        assert response.status == httpx.codes.REQUEST_TIMEOUT
        assert response.error["code"] == "request_timeout"
        assert connection.is_closed_by_peer()


def test_a_body_that_stops_is_cut_off(hasty: Headworks) -> None:
    request = post(CHAT, b'{"model": ', key=hasty.credentials.api_key, headers={"content-length": "500"})
    with Connection(hasty.port) as connection:
        connection.send(request)
        response = connection.response()
        assert response.status == httpx.codes.REQUEST_TIMEOUT
        assert connection.is_closed_by_peer()


def test_an_idle_connection_is_closed(hasty: Headworks) -> None:
    with Connection(hasty.port) as connection:
        connection.send(
            f"GET /v1/models HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {hasty.credentials.api_key}\r\n\r\n".encode()
        )
        assert connection.response(method="GET").status == httpx.codes.OK
        assert connection.is_closed_by_peer()


def test_half_open_connections_do_not_stop_others(hasty: Headworks) -> None:
    connections = [Connection(hasty.port) for _ in range(300)]
    for connection in connections:
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost")
    body = chat("headworks/echo")
    assert exchange(hasty.port, post(CHAT, body, key=hasty.credentials.api_key)).status == httpx.codes.OK
    assert httpx.get(f"{hasty.url}/health", trust_env=False, timeout=10).is_success
    for connection in connections:
        connection.socket.close()


def test_no_bad_request_costs_much_memory(rig: Rig) -> None:
    """Twenty bodies just below the cap, refused one after the other: the memory is given back or used again."""
    body = b'{"model": "m", "x": "' + b"a" * (31 * MEBIBYTE)
    request = post(CHAT, body, key=rig.headworks.credentials.api_key)
    check(exchange(rig.headworks.port, request), 400, "")
    before = rig.headworks.child.resident_bytes()
    for _ in range(19):
        check(exchange(rig.headworks.port, request), 400, "")
    assert rig.headworks.child.resident_bytes() < before + 96 * MEBIBYTE
