"""The typed client is the one of this description, and sends what its methods say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scripts.api_client import FOLDER, files

from headworks.bootstrap.openapi import document_text
from headworks.client import Api
from headworks.client.transport import filled
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import Unreachable
from headworks.entrypoints.cli.server import Server
from tests.support.scripted import Asked, Reply, ScriptedServer


@pytest.mark.parametrize("name", ["api.py", "shapes.py"])
def test_it_is_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == files(json.loads(document_text()))[name], "run: make client"


def test_every_operation_has_a_method() -> None:
    paths: dict[str, Any] = json.loads(document_text())["paths"]
    wanted = {
        operation["operationId"]
        for path, operations in paths.items()
        for operation in operations.values()
        # What only leads a browser elsewhere is no operation of a program.
        if path.startswith("/api/v1/") and any(status.startswith("2") for status in operation["responses"])
    }
    assert {name for name in vars(Api) if not name.startswith("_")} == wanted


class Recorded:
    """A transport that goes nowhere."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, method: str, path: str, **others: Any) -> Any:  # noqa: ANN401 - JSON
        self.sent.append((method, path, others))
        return self.answer


def test_a_method_sends_what_it_is_given() -> None:
    transport = Recorded({"data": {"id": "key_1", "key": "hw_sk_x"}})
    made = Api(transport).create_key({"name": "ci"}, idempotency_key="once")
    assert made["key"] == "hw_sk_x"
    assert transport.sent == [
        ("POST", "/keys", {"header": {"Idempotency-Key": "once"}, "body": {"name": "ci"}}),
    ]


def test_a_list_comes_with_its_page() -> None:
    transport = Recorded({"data": [{"id": "key_1"}], "meta": {"total": 1}, "links": {"next": None}})
    found = Api(transport).list_keys(kind="inference", cursor="c")
    assert found["data"][0]["id"] == "key_1"
    ((method, path, others),) = transport.sent
    assert (method, path) == ("GET", "/keys")
    assert (others["query"]["kind"], others["query"]["cursor"], others["query"]["page"]) == ("inference", "c", None)


@pytest.mark.parametrize(
    ("value", "slashes", "path"),
    [
        ("key_1", False, "/keys/key_1"),
        ("a/b", False, "/keys/a%2Fb"),
        ("team/fast@1:2+3", True, "/keys/team/fast@1:2+3"),
        ("{key_id}?x#y %", False, "/keys/%7Bkey_id%7D%3Fx%23y%20%25"),
    ],
)
def test_a_value_stays_in_its_place(value: str, slashes: bool, path: str) -> None:  # noqa: FBT001 - of a table
    assert filled("/keys/{key_id}", value, slashes=slashes) == path


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def test_the_command_lines_transport_leaves_out_what_was_left_out(server: ScriptedServer) -> None:
    server.on("GET", "/api/v1/providers", Reply({"data": [{"name": "a"}], "meta": {"total_pages": 1}}))
    with Client(Server(server.origin, "hw_mk_x")) as client:
        assert [one["name"] for one in client.all_of(client.api.list_providers)] == ["a"]
    assert server.asked[0].query == {"page": ["1"], "per_page": ["200"]}


def test_it_goes_on_by_cursor_where_there_is_one(server: ScriptedServer) -> None:
    first = {
        "data": [{"id": "1"}],
        "meta": {"total_pages": 2},
        "links": {"next": "/api/v1/keys?per_page=200&cursor=abc"},
    }
    last = {"data": [{"id": "2"}], "meta": {"total_pages": 2}, "links": {"next": None}}
    server.on("GET", "/api/v1/keys", Reply(first), Reply(last))
    with Client(Server(server.origin, "hw_mk_x")) as client:
        assert [one["id"] for one in client.all_of(client.api.list_keys)] == ["1", "2"]
    assert [asked.query.get("cursor") for asked in server.asked] == [None, ["abc"]]
    assert "page" not in server.asked[1].query


def broken_once(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The connection breaks after the server has heard the request, so many times."""
    original = server.reply_to
    left = [times]

    def reply_to(asked: Asked) -> Reply:
        reply = original(asked)
        if left[0]:
            left[0] -= 1
            raise ConnectionAbortedError
        return reply

    monkeypatch.setattr(server, "reply_to", reply_to)
    monkeypatch.setattr(server._http, "handle_error", lambda *_: None)


def test_a_broken_connection_is_asked_once_more_with_the_same_key(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("POST", "/api/v1/projects", Reply({"data": {"id": "prj_1"}}, 201))
    broken_once(server, monkeypatch, 1)
    with Client(Server(server.origin, "hw_mk_x")) as client:
        assert client.api.create_project({"name": "Web"})["id"] == "prj_1"
        client.api.create_project({"name": "Site"})
    first, again, other = (asked.headers["idempotency-key"] for asked in server.asked)
    assert first == again != other
    assert server.asked[0].body == server.asked[1].body


def test_it_is_asked_once_more_and_no_more(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_once(server, monkeypatch, 9)
    with Client(Server(server.origin, "hw_mk_x")) as client, pytest.raises(Unreachable):
        client.api.create_project({"name": "Web"})
    assert len(server.asked) == 2


def test_what_takes_no_key_is_not_repeated(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_once(server, monkeypatch, 9)
    with Client(Server(server.origin, "hw_mk_x")) as client:
        with pytest.raises(Unreachable):
            client.api.refresh({"refresh_token": "hw_rt_x"})
        with pytest.raises(Unreachable):
            client.api.change_project("prj_1", {"name": "Web"}, if_match='"1.0a"')
    assert len(server.asked) == 2
