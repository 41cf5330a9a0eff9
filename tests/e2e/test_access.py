"""Who may call from where, and whose keys stop: every change holds for the very next request, with nothing in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.rig import Rig

MODEL = "headworks/echo"


def ask(headworks: Headworks, key: str, path: str = "chat/completions", **headers: str) -> httpx.Response:
    """A request as a client makes it."""
    address = f"{headworks.url}/v1/{path}"
    sent = {"authorization": f"Bearer {key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(trust_env=False, timeout=30, headers=sent) as client:
        if path == "models":
            return client.get(address)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
        return client.post(address, json=body)


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json().get("error", {}).get("code", "")


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headworks]:
    """A server that believes proxies on this machine."""
    folder = tmp_path_factory.mktemp("proxied") / "home"
    with Headworks(folder, trusted_proxies="127.0.0.0/8, ::1/128") as headworks:
        yield headworks


def test_a_key_is_held_to_endpoints(rig: Rig) -> None:
    key = rig.headworks.management.create_key("held", allowed_endpoints=["chat/completions"])["key"]
    assert ask(rig.headworks, key).status_code == 200
    for path in ("models", "embeddings"):
        for _ in range(2):
            assert code(ask(rig.headworks, key, path)) == (403, "endpoint_not_allowed")
    assert ask(rig.headworks, key).status_code == 200


def test_a_key_is_held_to_networks(rig: Rig) -> None:
    management = rig.headworks.management
    inside = management.create_key("inside", allowed_addresses=["127.0.0.0/8"])
    outside = management.create_key("outside", allowed_addresses=["203.0.113.0/24"])["key"]
    assert ask(rig.headworks, inside["key"]).status_code == 200
    assert code(ask(rig.headworks, outside)) == (403, "address_not_allowed")
    # This server believes nobody.
    assert code(ask(rig.headworks, outside, x_forwarded_for="203.0.113.7")) == (403, "address_not_allowed")
    management.send("PATCH", f"/keys/{inside['id']}", {"allowed_addresses": ["203.0.113.0/24"]})
    assert code(ask(rig.headworks, inside["key"])) == (403, "address_not_allowed")


def test_a_believed_proxy_tells_where_callers_are(behind_proxy: Headworks) -> None:
    management = behind_proxy.management
    key = management.create_key("office", allowed_addresses=["203.0.113.0/24"])["key"]
    assert ask(behind_proxy, key, x_forwarded_for="198.51.100.1, 203.0.113.7").status_code == 200
    assert code(ask(behind_proxy, key, x_forwarded_for="203.0.113.7, 198.51.100.1")) == (403, "address_not_allowed")
    assert code(ask(behind_proxy, key)) == (403, "address_not_allowed")

    manager = management.create_key("m", kind="management", allowed_addresses=["203.0.113.0/24"])["key"]

    def manage(**headers: str) -> tuple[int, str]:
        sent = {"authorization": f"Bearer {manager}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return code(httpx.get(f"{behind_proxy.url}/api/v1/keys", headers=sent, trust_env=False, timeout=30))

    assert manage(x_forwarded_for="203.0.113.7") == (200, "")
    assert manage(x_forwarded_for="198.51.100.1") == (403, "address_not_allowed")
    # Only the engine says who the client is.
    assert manage(x_headworks_client_address="203.0.113.7") == (403, "address_not_allowed")


def test_both_secrets_work_while_they_overlap(rig: Rig) -> None:
    management = rig.headworks.management
    made = management.create_key("rotated")
    assert ask(rig.headworks, made["key"]).status_code == 200
    rotated = management.post(f"/keys/{made['id']}/rotate", {"overlap_seconds": 3600})
    assert rotated["id"] == made["id"]
    for secret in (made["key"], rotated["key"]):
        assert ask(rig.headworks, secret).status_code == 200
    last = management.post(f"/keys/{made['id']}/rotate", {"overlap_seconds": 0})
    for secret in (made["key"], rotated["key"]):
        assert code(ask(rig.headworks, secret)) == (401, "invalid_api_key")
    assert ask(rig.headworks, last["key"]).status_code == 200


def test_keys_stop_with_what_they_hang_on(rig: Rig) -> None:
    """Each is used before, so that the engine knows its flow; disabling is told before it is answered."""
    management = rig.headworks.management
    project = management.post("/projects", {"name": "doomed"})
    account = management.post("/service-accounts", {"name": "doomed"})
    keys: dict[str, dict[str, Any]] = {
        f"/projects/{project['id']}": management.create_key("p", project_id=project["id"]),
        f"/service-accounts/{account['id']}": management.create_key("s", service_account_id=account["id"]),
    }
    for path, key in keys.items():
        stopped = "archived" if path.startswith("/projects") else "disabled"
        for _ in range(3):
            assert ask(rig.headworks, key["key"]).status_code == 200
            management.send("PATCH", path, {"state": stopped})
            assert code(ask(rig.headworks, key["key"])) == (401, "invalid_api_key")
            assert management.get(f"/keys/{key['id']}")["state"] == "suspended"
            management.send("PATCH", path, {"state": "active"})
            assert ask(rig.headworks, key["key"]).status_code == 200


def test_a_thousand_keys_are_made_at_once(rig: Rig) -> None:
    wanted = [{"name": f"bulk {number}"} for number in range(1000)]
    made = rig.headworks.management.post("/keys/bulk", {"keys": wanted})
    assert [key["name"] for key in made] == [key["name"] for key in wanted]
    assert ask(rig.headworks, made[-1]["key"]).status_code == 200


def test_a_first_start_makes_an_operator(behind_proxy: Headworks) -> None:
    (operator,) = behind_proxy.management.get("/users")
    assert (operator["email"], operator["is_operator"], operator["state"]) == ("operator@localhost", True, "active")
    (member,) = behind_proxy.management.get("/members")
    assert (member["user_id"], member["role"]) == (operator["id"], "admin")


def test_who_tries_keys_is_slowed_down_by_where_they_come_from(tmp_path: Path) -> None:
    """In both APIs alike; keys that work go on working from the same address."""
    unknown = "hw_mk_" + "0" * 38
    with Headworks(
        tmp_path / "home", unknown_key_loopback="true", unknown_key_burst="3", unknown_key_rate="0.01"
    ) as headworks:

        def manage(bearer: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {bearer}"}
            return httpx.get(f"{headworks.url}/api/v1/keys", headers=headers, trust_env=False, timeout=30)

        known = headworks.credentials.management_key
        assert manage(known).status_code == 200
        assert [code(manage(unknown)) for _ in range(3)] == [(401, "invalid_api_key")] * 3
        throttled = manage(unknown)
        assert code(throttled) == (429, "too_many_unknown_keys")
        assert 1 <= int(throttled.headers["retry-after"]) <= 200
        assert [manage(known).status_code for _ in range(5)] == [200] * 5

        inference = [ask(headworks, "hw_sk_" + "0" * 38) for _ in range(5)][-1]
        assert code(inference) == (429, "too_many_unknown_keys")
        words, seconds = inference.json()["error"]["message"], inference.headers["retry-after"]
        assert words.replace(seconds, "…") == throttled.json()["detail"].replace(throttled.headers["retry-after"], "…")
