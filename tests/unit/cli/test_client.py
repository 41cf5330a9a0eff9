"""What the server says, as the user hears it."""

from __future__ import annotations

import pytest

from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, page, problem


def test_a_refusal_is_told_in_the_servers_words(server: ScriptedServer, run: Run) -> None:
    server.on("DELETE", "/api/v1/providers/openai", problem(409, "The provider 'openai' is used by the model gpt."))
    ran = run("providers", "remove", "openai")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "headworks: The provider 'openai' is used by the model gpt.\n"


def test_every_wrong_field_is_named_once(server: ScriptedServer, run: Run) -> None:
    first = {"field": "name", "code": "empty", "message": "must not be empty"}
    second = {"field": "base_url", "code": "malformed_url", "message": "names no host"}
    server.on("POST", "/api/v1/providers", problem(422, "name: must not be empty", first, second))
    ran = run("providers", "add", "x", "--base-url", "y")
    assert ran.status == 1
    assert ran.err.splitlines() == ["headworks: name: must not be empty", "  base_url: names no host"]


def test_the_log_is_pointed_at_when_the_server_failed(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/keys", problem(500, "Headworks failed."))
    ran = run("keys", "list")
    assert ran.status == 1
    assert "req_1" in ran.err


def test_a_wrong_key_says_where_the_right_one_is(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/keys", problem(401, "This key is not known."))
    ran = run("keys", "list")
    assert ran.status == 1
    assert "credentials.json" in ran.err


@pytest.mark.parametrize(
    "reply", [Reply(b"<html>", 502, {"content-type": "text/html"}), Reply([1, 2], 404), Reply(b"", 500)]
)
def test_somebody_else_answers(server: ScriptedServer, run: Run, reply: Reply) -> None:
    server.on("GET", "/api/v1/keys", reply)
    ran = run("keys", "list")
    assert ran.status == 3
    assert "not as Headworks does" in ran.err


def test_every_page_is_asked_for(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/keys", page({"id": "key_1"}, total_pages=2), page({"id": "key_2"}, total_pages=2))
    ran = run("keys", "list", "--json")
    assert ran.json() == [{"id": "key_1"}, {"id": "key_2"}]
    assert [asked.query["page"] for asked in server.asked] == [["1"], ["2"]]


def test_a_proxy_of_the_environment_is_not_used(
    server: ScriptedServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.on("GET", "/api/v1/keys", page())
    assert run("keys", "list").status == 0
