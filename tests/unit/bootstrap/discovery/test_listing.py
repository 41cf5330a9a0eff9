"""Asking for a list of models: what is taken for one, and what ends the waiting."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.discovery import listing
from headworks.bootstrap.discovery.listing import ListingFailed, Patience, list_models, read_models
from tests.support.scripted import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = Patience(connect=2.0, total=10.0)
SHORT = Patience(connect=0.05, total=0.05)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A model server."""
    with ScriptedServer() as running:
        yield running


async def why(url: str, headers: dict[str, str] | None = None, patience: Patience = PATIENCE) -> ListingFailed:
    """The reason for which there is no list."""
    with pytest.raises(ListingFailed) as failed:
        await list_models(url, headers or {}, patience)
    return failed.value


async def test_ids_in_the_servers_order(server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", Reply({"object": "list", "data": [{"id": "b"}, {"id": "a"}, {"id": "b"}]}))
    assert await list_models(f"{server.origin}/v1/models?limit=5", {"x-api-key": "k"}, PATIENCE) == ("b", "a")
    assert server.asked[0].query == {"limit": ["5"]}
    assert server.asked[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"data": None}, ()),
        ({"data": []}, ()),
        ({"data": [{"id": ""}, {"id": 7}, "x", None, {}, {"id": "ok"}]}, ("ok",)),
    ],
)
def test_odd_lists(body: object, names: tuple[str, ...]) -> None:
    assert read_models(json.dumps(body).encode()) == names


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": 3}', b"\xff", b"[" * 100_000]
)
def test_no_lists(body: bytes) -> None:
    with pytest.raises(ListingFailed) as failed:
        read_models(body)
    assert failed.value.why == "unusable"


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "refused"), (403, "refused"), (404, "unusable"), (500, "unusable"), (302, "unusable")]
)
async def test_other_answers(server: ScriptedServer, status: int, reason: str) -> None:
    server.on("GET", "/models", Reply({"data": []}, status, {"location": f"{server.origin}/elsewhere"}))
    failure = await why(f"{server.origin}/models")
    assert failure.why == reason
    assert str(status) in failure.message
    assert len(server.asked) == 1, "a redirect is not followed"


async def test_nothing_listens() -> None:
    assert (await why("http://127.0.0.1:1/models")).why == "absent"


async def test_it_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failure = await why(f"http://127.0.0.1:{silent.getsockname()[1]}/models", patience=SHORT)
    assert failure.why == "absent"


async def test_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert (await why(f"https://127.0.0.1:{port}/models", patience=SHORT)).why == "absent"


async def test_an_answer_without_end(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_BYTES", 1000)
    server.on("GET", "/models", Reply(b" " * 5000))
    assert (await why(f"{server.origin}/models")).why == "unusable"


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/models", "http:///models", "file:///etc/passwd", "http://u@127.0.0.1/models"]
)
async def test_odd_addresses(url: str) -> None:
    assert (await why(url)).why == "unusable"


@pytest.mark.parametrize("key", ["sk-\r\nx: y", "sk-Ωmega"])
async def test_a_key_that_http_does_not_take_is_not_repeated(server: ScriptedServer, key: str) -> None:
    failure = await why(f"{server.origin}/models", {"authorization": f"Bearer {key}"})
    assert failure.why == "unusable"
    assert key not in failure.message
    assert server.asked == []
