"""What the server says, as the user hears it."""

from __future__ import annotations

import pytest

from headworks.kernel.ids import new_id
from headworks.kernel.versions import tag_of
from tests.support.scripted import Reply, ScriptedServer
from tests.unit.cli.conftest import Run, data, page, problem


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


def test_a_change_says_which_version_was_seen(server: ScriptedServer, run: Run) -> None:
    project = {"id": "prj_1", "name": "Web", "version": 3}
    server.on("GET", "/api/v1/projects", page(project))
    server.on("PATCH", "/api/v1/projects/prj_1", problem(412, "It was changed.", code="stale_version"))
    ran = run("projects", "rename", "web", "Site")
    assert (ran.status, "Somebody else changed it" in ran.err) == (1, True)
    assert server.asked[1].headers["if-match"] == tag_of("prj_1", 3)


def test_an_id_is_asked_for_and_not_looked_for(server: ScriptedServer, run: Run) -> None:
    key_id = new_id("key")
    server.on("GET", f"/api/v1/keys/{key_id}", data({"id": key_id, "name": "ci"}))
    server.on("DELETE", f"/api/v1/keys/{key_id}", Reply(status=204))
    assert run("keys", "revoke", key_id).status == 0
    assert [asked.method for asked in server.asked] == ["GET", "DELETE"]


@pytest.mark.parametrize(
    ("noun", "path"),
    [
        ("orgs", "organizations"),
        ("projects", "projects"),
        ("members", "members"),
        ("invites", "invitations"),
        ("service-accounts", "service-accounts"),
        ("users", "users"),
        ("keys", "keys"),
        ("providers", "providers"),
        ("deployments", "deployments"),
        ("models", "models"),
        ("prices", "prices"),
        ("sessions", "sessions"),
        ("audit", "audit-events"),
    ],
)
def test_every_listing_is_json_for_programs_and_says_what_to_do_where_there_is_nothing(
    server: ScriptedServer, run: Run, noun: str, path: str
) -> None:
    server.on("GET", f"/api/v1/{path}", page())
    assert run(noun, "list", "--json").json() == []
    told = run(noun, "list")
    assert (told.status, told.out, len(told.err.splitlines())) == (0, "", 1)
    other = {"id": "x", "state": "odd\x1b[2J"}
    server.on("GET", f"/api/v1/{path}", page(other))
    assert run(noun, "list", "--json").json() == [other]
    shown = run(noun, "list")
    assert shown.status == 0
    assert "\x1b" not in shown.out, "a name does not steer the terminal"
    assert shown.out
