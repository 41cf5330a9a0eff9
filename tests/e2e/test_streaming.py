"""Streams, and upstreams that break them: the client is never told a story, and the record says how it ended."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tests.support.child import eventually
from tests.support.headworks import Headworks
from tests.support.rig import PROVIDER_KEY, Rig, total_tokens
from tests.support.wire import Connection, Response, exchange, post

if TYPE_CHECKING:
    from tests.support.mock import MockProvider, Served

CHAT = "/v1/chat/completions"
ASK: list[Any] = [{"role": "user", "content": "tell me about weirs"}]


def body(model: str, *, stream: bool = True) -> bytes:
    """A chat request."""
    return json.dumps({"model": model, "messages": ASK, "stream": stream}).encode()


def send(rig: Rig, model: str, *, stream: bool = True) -> Response:
    """A chat request on a connection of its own, and its whole answer."""
    return exchange(rig.headworks.port, post(CHAT, body(model, stream=stream), key=rig.headworks.credentials.api_key))


def events(response: Response) -> list[Any]:
    """The data of each event, read as JSON; `[DONE]` stays text."""
    texts = [line.removeprefix(b"data: ") for line in response.body.splitlines() if line.startswith(b"data: ")]
    return ["[DONE]" if text == b"[DONE]" else json.loads(text) for text in texts]


def text_of(response: Response) -> str:
    """The text that the stream's chunks add up to."""
    chunks = [event for event in events(response) if isinstance(event, dict) and event.get("choices")]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


def begin(rig: Rig, model: str, *, stream: bool = True) -> tuple[Connection, str]:
    """A chat request whose answer has begun to arrive: its connection, and its request id."""
    connection = Connection(rig.headworks.port)
    connection.send(post(CHAT, body(model, stream=stream), key=rig.headworks.credentials.api_key))
    head = b""
    while b"data: " not in head:
        more = connection.socket.recv(4096)
        assert more, head
        head += more
    line = next(line for line in head.decode(errors="replace").splitlines() if line.lower().startswith("x-request-id:"))
    return connection, line.partition(":")[2].strip()


def served(rig: Rig, request_id: str) -> Served:
    """What the upstream says of the request's only attempt, once it has ended there."""
    attempts = eventually(lambda: rig.upstream.served(request_id), what=f"the upstream's record of {request_id}")
    assert len(attempts) == 1, attempts
    return attempts[0]


@pytest.mark.parametrize("oddity", ["split", "crlf", "comments=500", "unknown_events", "comments,crlf,split=3", "bom"])
def test_odd_but_sound_streams_mean_the_same(rig: Rig, oddity: str) -> None:
    plain, odd = send(rig, rig.model("mock:tokens=8")), send(rig, rig.model(f"mock:tokens=8,{oddity}"))
    assert len(text_of(odd).split()) == len(text_of(plain).split()) == 8
    assert events(odd)[-1] == "[DONE]"
    record = rig.record(odd.headers["x-request-id"])
    assert (record["outcome"], record["usage_source"], record["output_tokens"]) == ("success", "provider", 8)


@pytest.mark.parametrize("usage", ["twice", "inline", "every", "float"])
def test_usage_wherever_it_comes_is_read_and_kept_from_a_client_that_did_not_ask(rig: Rig, usage: str) -> None:
    response = send(rig, rig.model(f"mock:tokens=8,usage={usage}"))
    assert not any(event.get("usage") for event in events(response) if isinstance(event, dict))
    record = rig.record(response.headers["x-request-id"])
    assert (record["usage_source"], record["output_tokens"]) == ("provider", 8)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("usage", ["usage=null", "no_usage", "usage=negative"])
def test_usage_that_is_missing_or_absurd_is_estimated_and_says_so(rig: Rig, usage: str, *, stream: bool) -> None:
    response = send(rig, rig.model(f"mock:tokens=8,{usage}"), stream=stream)
    assert response.status == httpx.codes.OK
    record = rig.record(response.headers["x-request-id"])
    assert record["outcome"] == "success"
    assert record["usage_source"] == "estimated"
    assert record["output_tokens"] > 0


def test_usage_that_contradicts_itself_is_flagged(rig: Rig) -> None:
    response = send(rig, rig.model("mock:tokens=8,usage=wrong_total"))
    assert rig.record(response.headers["x-request-id"])["usage_flags"]


@pytest.mark.parametrize(
    "fault", ["drop_after=4", "close_after=4", "truncate=4", "no_done", "half_event", "malformed=3"]
)
def test_a_stream_that_breaks_off_is_an_error_and_no_success(rig: Rig, fault: str) -> None:
    response = send(rig, rig.model(f"mock:tokens=9,{fault}"))
    assert response.status == httpx.codes.OK
    last = events(response)[-1]
    assert last != "[DONE]"
    assert last["error"]["message"]
    assert last["error"]["code"].startswith("upstream_")
    record = rig.record(response.headers["x-request-id"])
    assert record["outcome"] in {"truncated", "upstream_error"}
    assert record["usage_source"] in {"partial", "estimated"}
    assert record["error_code"]


def test_the_official_client_sees_the_break(rig: Rig, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model=rig.model("mock:tokens=9,drop_after=4"), messages=ASK, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)


def test_an_error_event_of_the_upstream_goes_through_and_is_no_success(rig: Rig) -> None:
    response = send(rig, rig.model("mock:tokens=9,error_after=3"))
    assert any("error" in event for event in events(response) if isinstance(event, dict))
    assert rig.record(response.headers["x-request-id"])["outcome"] == "upstream_error"


@pytest.mark.parametrize("fault", ["html", "cut_json", "two_lengths", "malformed", "redirect"])
def test_an_answer_that_is_none_becomes_a_typed_502(rig: Rig, fault: str) -> None:
    response = send(rig, rig.model(f"mock:{fault}"), stream=False)
    assert response.status == httpx.codes.BAD_GATEWAY, response
    assert response.error["code"].startswith("upstream_")
    assert b"<html" not in response.body
    assert rig.record(response.headers["x-request-id"])["outcome"] in {"upstream_error", "truncated"}
    assert rig.upstream.stats()["redirects_followed"] == 0


@pytest.mark.parametrize("fault", ["wrong_length", "drop_after=40", "close_after=40"])
def test_a_whole_answer_that_is_cut_is_not_passed_as_whole(rig: Rig, fault: str) -> None:
    """Small answers become a 502; of one that is already on its way, the connection is cut."""
    try:
        response = send(rig, rig.model(f"mock:tokens=50,{fault}"), stream=False)
    except (ConnectionError, httpx.HTTPError, OSError, ValueError):
        return
    assert response.status == httpx.codes.BAD_GATEWAY
    assert rig.record(response.headers["x-request-id"])["outcome"] in {"upstream_error", "truncated"}


def test_a_client_that_leaves_cancels_the_upstream(rig: Rig) -> None:
    connection, request_id = begin(rig, rig.model("mock:tokens=100000,rate=100"))
    connection.socket.close()
    attempt = served(rig, request_id)
    assert attempt.outcome == "client_left"
    record = rig.record(request_id)
    assert record["outcome"] == "cancelled"
    assert record["usage_source"] in {"partial", "estimated"}
    assert total_tokens(record) > 0


def test_a_client_that_resets_cancels_too(rig: Rig) -> None:
    connection, request_id = begin(rig, rig.model("mock:tokens=100000,rate=100"))
    connection.reset()
    assert served(rig, request_id).outcome == "client_left"
    assert rig.record(request_id)["outcome"] == "cancelled"


def test_a_client_that_leaves_before_the_answer_cancels_too(rig: Rig) -> None:
    model = rig.model("mock:first_byte_ms=60000,tokens=3")
    before = rig.upstream.stats()
    connection = Connection(rig.headworks.port)
    connection.send(post(CHAT, body(model, stream=False), key=rig.headworks.credentials.api_key))
    eventually(
        lambda: rig.upstream.stats()["open_requests"] > before["open_requests"], what="the request at the upstream"
    )
    connection.socket.close()
    eventually(lambda: rig.upstream.stats()["client_left"] > before["client_left"], what="the upstream to be left")
    gone = next(
        attempt for attempt in reversed(rig.upstream.requests()) if attempt.model.startswith("mock:first_byte_ms=60000")
    )
    assert rig.record(gone.request_id or "")["outcome"] == "cancelled"


def test_a_slow_reader_gets_everything(rig: Rig) -> None:
    """The window closes for a while; nothing is lost and nothing is reordered."""
    connection, request_id = begin(rig, rig.model("mock:tokens=60000"))
    received = bytearray()
    with connection:
        eventually(lambda: rig.upstream.stats()["open_requests"], what="the stream to be held up")
        while not received.endswith(b"0\r\n\r\n"):
            more = connection.socket.recv(65536)
            assert more
            received += more
    assert received.count(b"[DONE]") == 1
    assert rig.record(request_id)["output_tokens"] == 60_000


def test_another_target_answers_where_the_first_refuses(rig: Rig) -> None:
    for fault in ("status=500", "status=503", "status=429,retry_after=30"):
        response = send(rig, rig.model(f"mock:{fault},tokens=1", "mock:tokens=6"))
        assert response.status == httpx.codes.OK, (fault, response)
        assert len(text_of(response).split()) == 6
        record = rig.record(response.headers["x-request-id"])
        assert record["outcome"] == "success"
        assert record["attempts"] in {1, 2}, "weights may choose the sound one first"
        assert record["upstream_model"] == "mock:tokens=6"


def test_another_target_answers_where_nobody_listens(rig: Rig) -> None:
    rig.headworks.management.add_provider("nobody", "http://127.0.0.1:9/v1")
    rig.headworks.management.add_model("half-dead", ("nobody", "mock"), ("mock", "mock:tokens=6"))
    for _ in range(8):
        response = send(rig, "half-dead")
        assert len(text_of(response).split()) == 6


def test_no_other_target_is_tried_after_the_first_byte(rig: Rig) -> None:
    model = rig.model("mock:tokens=9,drop_after=2", "mock:tokens=9,drop_after=3")
    response = send(rig, model)
    assert "error" in events(response)[-1]
    request_id = response.headers["x-request-id"]
    assert rig.record(request_id)["attempts"] == 1
    served(rig, request_id)


def test_the_last_refusal_goes_to_the_client_with_its_retry_after(rig: Rig) -> None:
    response = send(
        rig, rig.model("mock:status=429,retry_after=11,tokens=1", "mock:status=429,retry_after=11,tokens=2")
    )
    assert response.status == httpx.codes.TOO_MANY_REQUESTS
    assert response.headers["retry-after"] == "11"
    assert response.headers["x-headworks-error-source"] == "upstream"
    record = rig.record(response.headers["x-request-id"])
    assert (record["outcome"], record["status"], record["attempts"]) == ("upstream_error", 429, 2)
    assert total_tokens(record) == 0


def test_a_refusal_of_the_request_itself_is_not_tried_elsewhere(rig: Rig) -> None:
    response = send(rig, rig.model("mock:status=400,tokens=1", "mock:status=400,tokens=2"))
    assert response.status == httpx.codes.BAD_REQUEST
    assert rig.record(response.headers["x-request-id"])["attempts"] == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_provider_credential_is_our_trouble_and_shows_nothing_of_it(rig: Rig, status: int) -> None:
    """The caller's key is right, so 401 would send them to look at the wrong place."""
    response = send(rig, rig.model(f"mock:status={status}"))
    assert response.status == httpx.codes.BAD_GATEWAY, response
    assert "credential" in response.error["message"].lower()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_provider_that_cannot_be_reached_is_a_typed_502(rig: Rig, *, stream: bool) -> None:
    rig.headworks.management.add_provider(f"gone-{stream}".lower(), "http://127.0.0.1:9/v1")
    rig.headworks.management.add_model(f"gone-{stream}", (f"gone-{stream}".lower(), "any"))
    response = send(rig, f"gone-{stream}", stream=stream)
    assert response.status == httpx.codes.BAD_GATEWAY
    record = rig.record(response.headers["x-request-id"])
    assert (record["outcome"], record["usage_source"]) == ("upstream_error", "none")


def test_an_oversized_event_ends_the_stream_within_bounds(rig: Rig) -> None:
    before = rig.headworks.child.resident_bytes()
    response = send(rig, rig.model("mock:oversize=50000000"))
    assert "error" in events(response)[-1]
    assert rig.headworks.child.resident_bytes() < before + 64 * 1024 * 1024


def test_a_large_whole_answer_streams_through(rig: Rig) -> None:
    before = rig.headworks.child.resident_bytes()
    response = send(rig, rig.model("mock:size=40000000"), stream=False)
    assert len(response.body) == 40_000_000
    assert rig.headworks.child.resident_bytes() < before + 64 * 1024 * 1024


def test_http2_without_tls(rig: Rig) -> None:
    """Prior knowledge: the preface, settings, and an answer to them (RFC 9113, section 3.3)."""
    with Connection(rig.headworks.port) as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        head = connection.socket.recv(9)
        assert head[3] == 4, "a SETTINGS frame"


def test_stopping_finishes_open_streams(tmp_path_factory: pytest.TempPathFactory, upstream: MockProvider) -> None:
    with Headworks(tmp_path_factory.mktemp("drain") / "home") as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        connection, _ = begin(rig, rig.model("mock:tokens=40,rate=20"))
        headworks.child.send(signal.SIGINT)
        received = b""
        with connection:
            while more := connection.socket.recv(65536):
                received += more
        assert b"data: [DONE]" in received
        assert headworks.child.wait(30) == 0


def test_the_provider_key_never_shows(rig: Rig) -> None:
    """After all of the above: not in a log, not in an answer of the management API."""
    assert PROVIDER_KEY not in rig.headworks.child.output()
    assert PROVIDER_KEY not in rig.headworks.management.send("GET", "/providers").text
