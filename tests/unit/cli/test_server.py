"""Which server a command speaks to, and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.settings import load_settings
from headworks.entrypoints.cli.failures import BadUsage, Refused
from headworks.entrypoints.cli.server import find_server, origin_of, with_port
from headworks.entrypoints.cli.wish import Wish
from tests.unit.cli.conftest import MANAGEMENT_KEY, Run, page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scripted import ScriptedServer

OTHER = {"OTHER_KEY": "hw_mk_other"}


def test_the_data_folder_says_where_the_server_is(server: ScriptedServer, run: Run) -> None:
    server.on("GET", "/api/v1/keys", page())
    assert run("keys", "list").status == 0
    assert server.asked[0].headers["authorization"] == f"Bearer {MANAGEMENT_KEY}"


def test_without_a_data_folder_it_says_how_to_get_one(run: Run, tmp_path: Path) -> None:
    ran = run("--home", str(tmp_path / "none"), "keys", "list")
    assert ran.status == 3
    assert "headworks up" in ran.err
    assert "HEADWORKS_HOME" in ran.err


def test_nothing_listens(run: Run, server: ScriptedServer) -> None:
    server.__exit__()
    ran = run("keys", "list")
    assert ran.status == 3
    assert server.origin in ran.err
    assert "headworks up" in ran.err


def test_the_port_can_be_moved(home: Path, server: ScriptedServer) -> None:
    assert find_server(Wish(home, port=9), {}).api == "http://127.0.0.1:9/api/v1"
    assert find_server(Wish(home), {}).origin == server.origin


def test_a_stored_key_goes_to_no_other_host(home: Path) -> None:
    with pytest.raises(Refused, match=r"not sent to https://elsewhere\.example"):
        find_server(Wish(home, url="https://elsewhere.example"), {})


def test_a_stored_key_goes_to_any_address_of_this_machine(home: Path) -> None:
    assert find_server(Wish(home, url="http://localhost:1/"), {}).management_key == MANAGEMENT_KEY


def test_another_key_goes_where_it_is_sent(home: Path) -> None:
    found = find_server(Wish(home, url="https://elsewhere.example", key_variable="OTHER_KEY"), OTHER)
    assert (found.origin, found.management_key) == ("https://elsewhere.example", "hw_mk_other")
    assert "hw_mk_other" not in repr(found)


def test_another_key_for_the_same_server(home: Path, server: ScriptedServer) -> None:
    found = find_server(Wish(home, key_variable="OTHER_KEY"), OTHER)
    assert (found.origin, found.management_key) == (server.origin, "hw_mk_other")


def test_a_variable_that_is_not_set(home: Path) -> None:
    with pytest.raises(BadUsage, match="OTHER_KEY is not set"):
        find_server(Wish(home, key_variable="OTHER_KEY"), {})


@pytest.mark.parametrize("content", ["", "[]", "{", '{"api": "http://127.0.0.1:1/api/v1"}', '{"management_key": "x"}'])
def test_damaged_credentials_are_refused(home: Path, run: Run, content: str) -> None:
    (home / "credentials.json").write_text(content)
    ran = run("keys", "list")
    assert ran.status == 1
    assert "headworks doctor" in ran.err


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://host",
        "http://",
        "http://u:p@host",
        "http://host?x",
        "http://h:99999",
        "http://[::1",
    ],
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(BadUsage, match="not the address of a server"):
        origin_of(url)


def test_ports_of_ipv6_addresses() -> None:
    assert with_port("http://[::1]:8080/v1", 9) == "http://[::1]:9/v1"
    assert with_port("http://[::1]:8080/v1", None) == "http://[::1]:8080/v1"


def test_a_key_given_for_the_name_of_a_variable_is_not_repeated(run: Run) -> None:
    ran = run("--key-env", "hw_mk_secret-text", "keys", "list")
    assert ran.status == 2
    assert "secret-text" not in ran.err


def test_a_variable_says_where_the_server_is(run: Run, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("GET", "/api/v1/keys", page())
    monkeypatch.setenv("HEADWORKS_URL", "https://elsewhere.example")
    assert "not sent to https://elsewhere.example" in run("keys", "list").err
    assert run("--url", server.origin, "keys", "list").status == 0, "what is said wins"
    assert load_settings({"HEADWORKS_URL": "https://elsewhere.example"}).port == load_settings({}).port
