"""HTTP/2 clients that mean harm, and clients of either HTTP that take nothing: each is ended, and nobody else notices."""

from __future__ import annotations

import itertools
import json
import struct
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.child import eventually
from tests.support.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    INITIAL_WINDOW_SIZE,
    PREFACE,
    Kind,
    Reason,
    Session,
    chat,
    frame,
    literal,
    reset,
    window_update,
)
from tests.support.headworks import Headworks
from tests.support.rig import Rig
from tests.support.wire import Connection, exchange, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.mock import MockProvider

MEBIBYTE = 1024 * 1024
FLOOD = 64 * MEBIBYTE
"""More than any limit of ours lets through, and than any socket buffer holds."""


@pytest.fixture(scope="module")
def strict(upstream: MockProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway whose patience with idle clients ends after a second."""
    limits = {"idle_timeout_ms": "1000", "header_timeout_ms": "500"}
    with Headworks(tmp_path_factory.mktemp("strict") / "home", **limits) as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig
        assert headworks.child.alive, headworks.child.output()[-4000:]


def ask(rig: Rig, stream: int, model: str, *, streamed: bool = True) -> bytes:
    """A chat request on a stream."""
    return chat(rig.headworks.port, stream, model, key=rig.headworks.credentials.api_key, streamed=streamed)


def others_are_served(rig: Rig) -> None:
    """A client on a connection of its own gets its answer."""
    body = json.dumps({"model": rig.model("mock:tokens=3"), "messages": []}).encode()
    answer = exchange(rig.headworks.port, post("/v1/chat/completions", body, key=rig.headworks.credentials.api_key))
    assert answer.status == httpx.codes.OK, answer


def nothing_is_left(rig: Rig) -> None:
    """No stream, no intent, no call to the upstream."""
    rig.upstream.wait_until_idle()
    gauges = ("headworks_open_streams", "headworks_spool_open_intents")
    eventually(lambda: [rig.headworks.metric(gauge) for gauge in gauges] == [0, 0], what="nothing open")


def assert_sent_away(session: Session) -> None:
    """The connection ends, and its last word is that this was too much."""
    goodbyes = [came.reason for came in session.frames() if came.kind == Kind.GOAWAY]
    # Elsewhere than on Linux a reset may overtake the last word.
    assert goodbyes == [Reason.ENHANCE_YOUR_CALM] or (not goodbyes and sys.platform != "linux")


def odd_numbers() -> Iterator[int]:
    """A client's stream ids."""
    return itertools.count(1, 2)


def test_a_burst_of_streams_that_are_reset_at_once(rig: Rig) -> None:
    """Rapid reset (CVE-2023-44487)."""
    model = rig.model("mock:first_byte_ms=60000,tokens=3")
    with Session(rig.headworks.port) as session:
        burst = (ask(rig, stream, model) + reset(stream) for stream in itertools.islice(odd_numbers(), 3000))
        session.send(b"".join(burst))
        others_are_served(rig)
        assert_sent_away(session)
    nothing_is_left(rig)
    others_are_served(rig)


@pytest.mark.parametrize("phase", ["first_byte_ms=60000", "rate=50"], ids=["before the answer", "while it streams"])
def test_a_connection_that_breaks_cancels_all_of_its_streams(rig: Rig, phase: str) -> None:
    model = rig.model(f"mock:tokens=100000,{phase}")
    with Session(rig.headworks.port) as session:
        session.send(b"".join(ask(rig, stream, model) for stream in itertools.islice(odd_numbers(), 50)))
        eventually(lambda: rig.upstream.stats()["open_requests"] == 50, what="fifty calls of the upstream")
        session.reset()
    nothing_is_left(rig)


def test_a_patient_rapid_reset_is_told_to_go_and_then_cut(rig: Rig) -> None:
    """Each request is at work before its reset comes, so that no single burst shows what it is."""
    model = rig.model("mock:first_byte_ms=60000,tokens=3")
    with Session(rig.headworks.port, answers_pings=False) as session:
        streams, goodbyes = odd_numbers(), []
        for _ in range(100):
            some = list(itertools.islice(streams, 10))
            session.send(b"".join(ask(rig, stream, model) for stream in some) + frame(Kind.PING, payload=b"at work?"))
            for came in session.frames():
                if came.kind == Kind.GOAWAY:
                    goodbyes.append(came.reason)
                if came.kind == Kind.PING and came.flags & ACK:
                    break
            else:
                break
            session.send(b"".join(map(reset, some)))
        else:
            pytest.fail("a thousand requests were abandoned, and the connection lives")
    assert goodbyes == [Reason.NO_ERROR], "told to go before it was cut"
    nothing_is_left(rig)
    others_are_served(rig)


@pytest.mark.parametrize(
    "block", [b"", literal("x", ""), literal("x", "a" * 1000) * 16], ids=["empty", "a small field", "full"]
)
def test_a_head_that_never_ends(rig: Rig, block: bytes) -> None:
    """CONTINUATION flood (VU#421644): each frame is well-formed, and the last one never comes."""
    piece = frame(Kind.CONTINUATION, 1, block) * 100
    before = rig.headworks.child.resident_bytes()
    with Session(rig.headworks.port) as session:
        session.send(frame(Kind.HEADERS, 1, literal(":method", "GET")))
        assert session.send_until_refused(piece for _ in range(FLOOD // len(piece)))
        assert_sent_away(session)
    assert rig.headworks.child.resident_bytes() < before + 8 * MEBIBYTE
    nothing_is_left(rig)
    others_are_served(rig)


def test_a_head_that_unfolds(rig: Rig) -> None:
    """HPACK bomb: one long field in the table, and one byte for each time that it is to be had again."""
    long = b"\x40" + literal("x-long", "a" * 3900)[1:]
    head = b"".join(
        literal(name, value)
        for name, value in {":method": "GET", ":scheme": "http", ":authority": "x", ":path": "/v1/models"}.items()
    )
    before = rig.headworks.child.resident_bytes()
    with Session(rig.headworks.port) as session:
        first = frame(Kind.HEADERS, 1, head + long, flags=END_HEADERS | END_STREAM)
        # 62: the newest entry of the dynamic table (RFC 7541, section 2.3.3).
        bombs = (
            frame(Kind.HEADERS, stream, head + bytes([0x80 | 62]) * 12_000, flags=END_HEADERS | END_STREAM)
            for stream in range(3, 203, 2)
        )
        session.send_until_refused([first, *bombs])
        others_are_served(rig)
        assert_sent_away(session)
    assert rig.headworks.child.resident_bytes() < before + 16 * MEBIBYTE


@pytest.mark.parametrize(
    "piece",
    [
        frame(Kind.PING, payload=b"headwork"),
        frame(Kind.SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, 1000)),
        frame(Kind.SETTINGS),
    ],
    ids=["pings", "settings", "empty settings"],
)
def test_frames_that_want_answers_which_nobody_reads(strict: Rig, piece: bytes) -> None:
    before = strict.headworks.child.resident_bytes()
    with Session(strict.headworks.port) as session:
        batch = piece * 4096
        assert session.send_until_refused(batch for _ in range(FLOOD // len(batch)))
    assert strict.headworks.child.resident_bytes() < before + 8 * MEBIBYTE
    others_are_served(strict)


def test_a_body_of_nothing_at_great_length(rig: Rig) -> None:
    """Empty DATA frames cost their sender nine bytes each, and no window."""
    request = ask(rig, 1, rig.model("mock:tokens=3"))
    with Session(rig.headworks.port) as session:
        session.send(request[: request.index(b'{"model"') - 9])
        batch = frame(Kind.DATA, 1) * 4096
        assert session.send_until_refused(batch for _ in range(FLOOD // len(batch)))
        assert_sent_away(session)
    nothing_is_left(rig)
    others_are_served(rig)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_stream_without_a_window_is_ended_alone(strict: Rig, *, streamed: bool) -> None:
    with Session(strict.headworks.port, settings={INITIAL_WINDOW_SIZE: 0}) as session:
        session.send(
            ask(strict, 1, strict.model("mock:tokens=100000,rate=200" if streamed else "mock"), streamed=streamed)
        )
        assert session.until(Kind.RST_STREAM, stream=1).reason == Reason.CANCEL
        session.send(ask(strict, 3, strict.model("mock:tokens=3")) + window_update(3, MEBIBYTE))
        assert b"[DONE]" in session.body(3), "its neighbours go on"
    nothing_is_left(strict)


def test_what_a_stalled_client_was_sent_is_recorded(strict: Rig) -> None:
    strict.upstream.wait_until_idle()
    before = len(strict.upstream.requests())
    with Session(strict.headworks.port, settings={INITIAL_WINDOW_SIZE: 500}) as session:
        session.send(ask(strict, 1, strict.model("mock:tokens=100000,rate=200")))
        session.until(Kind.RST_STREAM, stream=1)
    (attempt,) = eventually(lambda: strict.upstream.requests()[before:], what="the upstream's record")
    assert attempt.outcome == "client_left"
    record = strict.record(attempt.request_id or "")
    assert (record["outcome"], record["error_code"]) == ("cancelled", "client_left")
    assert record["output_tokens"] > 0


def test_an_http1_client_that_stops_reading_is_cut(strict: Rig) -> None:
    body = json.dumps({"model": strict.model("mock:tokens=100000"), "messages": [], "stream": True}).encode()
    with Connection(strict.headworks.port) as connection:
        connection.send(post("/v1/chat/completions", body, key=strict.headworks.credentials.api_key))
        eventually(lambda: strict.headworks.metric("headworks_open_streams") == 1, what="the stream")
        nothing_is_left(strict)
    others_are_served(strict)


def test_an_http2_connection_without_requests_is_let_go(strict: Rig) -> None:
    """Though the client answers every ping."""
    with Session(strict.headworks.port) as session:
        session.send(ask(strict, 1, strict.model("mock:tokens=3")))
        assert b"[DONE]" in session.body(1)
        assert session.until(Kind.GOAWAY).reason == Reason.NO_ERROR
        assert session.is_over()


@pytest.mark.parametrize(
    "beginning",
    [
        PREFACE[:3],
        PREFACE[:20],
        PREFACE,
        PREFACE + frame(Kind.SETTINGS) + frame(Kind.HEADERS, 1, literal(":method", "GET")),
    ],
    ids=["three bytes", "most of the preface", "the preface", "half a head"],
)
def test_an_http2_client_that_begins_and_falls_silent_is_let_go(strict: Rig, beginning: bytes) -> None:
    with Connection(strict.headworks.port) as connection:
        connection.send(beginning)
        while connection.socket.recv(4096):
            pass
    others_are_served(strict)
