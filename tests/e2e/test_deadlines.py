"""Upstreams that fall silent: a deadline for each stage, a typed answer to the client, and the next target where there is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.headworks import Headworks
from tests.support.rig import Rig
from tests.support.wire import Response, exchange, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.mock import MockProvider


@pytest.fixture(scope="module")
def impatient(upstream: MockProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that waits half a second for a first byte, and a second and a half for the next one."""
    deadlines = {"upstream_connect_ms": "500", "upstream_first_byte_ms": "500", "upstream_idle_ms": "1500"}
    with Headworks(tmp_path_factory.mktemp("impatient") / "home", **deadlines) as headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig


def send(rig: Rig, model: str, *, stream: bool) -> Response:
    """A chat request and its whole answer."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": stream}).encode()
    return exchange(rig.headworks.port, post("/v1/chat/completions", body, key=rig.headworks.credentials.api_key))


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_an_upstream_that_never_answers_is_a_504(impatient: Rig, *, stream: bool) -> None:
    response = send(impatient, impatient.model("mock:hang"), stream=stream)
    assert response.status == httpx.codes.GATEWAY_TIMEOUT
    assert response.error["code"] == "upstream_timeout"
    record = impatient.record(response.headers["x-request-id"])
    assert record["outcome"] == "upstream_error"
    assert record["usage_source"] == "estimated", "it was sent, and may have been worked on"
    impatient.upstream.wait_until_idle()


def test_another_target_answers_where_the_first_is_silent(impatient: Rig) -> None:
    model = impatient.model("mock:hang,tokens=1", "mock:tokens=6")
    for _ in range(4):
        response = send(impatient, model, stream=False)
        assert response.status == httpx.codes.OK
        assert len(json.loads(response.body)["choices"][0]["message"]["content"].split()) == 6


def test_a_stream_that_falls_silent_ends_with_an_error_event(impatient: Rig) -> None:
    response = send(impatient, impatient.model("mock:tokens=9,hang_after=4"), stream=True)
    assert response.status == httpx.codes.OK
    last = json.loads(response.body.strip().splitlines()[-1].removeprefix(b"data: "))
    assert last["error"]["code"] == "upstream_idle"
    record = impatient.record(response.headers["x-request-id"])
    assert record["outcome"] == "truncated"
    assert record["output_tokens"] > 0
    impatient.upstream.wait_until_idle()


def test_a_whole_answer_that_falls_silent_is_not_passed_on(impatient: Rig) -> None:
    response = send(impatient, impatient.model("mock:tokens=50,hang_after=40"), stream=False)
    assert response.status in {httpx.codes.BAD_GATEWAY, httpx.codes.GATEWAY_TIMEOUT}
    assert impatient.record(response.headers["x-request-id"])["outcome"] == "truncated"
    impatient.upstream.wait_until_idle()
