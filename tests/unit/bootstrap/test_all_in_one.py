"""The whole of `headworks up` around a twin of the engine: everything but the sockets of the front door."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headworks.bootstrap.databases import Databases
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import Settings, load_settings
from headworks.dataplane.engine import EngineError
from headworks.entrypoints import all_in_one, serving
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.contracts import KeyOwner, KeyView
from headworks.kernel.clock import now
from headworks.kernel.database import Database
from headworks.kernel.events import EventBus
from headworks.kernel.ids import new_id
from headworks.kernel.pagination import PageRequest
from headworks.kernel.permissions import INFERENCE
from tests.support.engine_twin import EngineTwin
from tests.support.usage_events import usage_event


@dataclass
class Running:
    """A running installation."""

    home: Path
    engine: EngineTwin
    client: httpx.AsyncClient
    status: asyncio.Task[int]

    @property
    def credentials(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "credentials.json").read_text())
        return found

    async def ask(self, **fields: object) -> dict[str, dict[str, object]]:
        """Ask the controller as the engine does at a miss."""
        question: dict[str, object] = {"model": "headworks/echo", "endpoint": "chat/completions", "request_id": "req_1"}
        key = str(fields.pop("key", self.credentials["api_key"]))
        question |= {"key_hash": hashlib.sha256(key.encode()).hexdigest(), **fields}
        return await asyncio.to_thread(self.engine.ask, question)

    async def call(self, method: str, path: str, status: int = 200, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """One request of the management API."""
        answer = await self.client.request(method, path, **arguments)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def stop(self) -> int:
        """As Ctrl-C does."""
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(20):
            return await self.status


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give back what the entry point sets for its whole process."""
    monkeypatch.setattr(serving, "configure_logs", lambda _level: None)
    mask, interval = os.umask(0o077), sys.getswitchinterval()
    yield
    os.umask(mask)
    sys.setswitchinterval(interval)
    gc.unfreeze()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"HEADWORKS_HOME": str(tmp_path / "home"), "HEADWORKS_DISCOVERY": "no"})


@asynccontextmanager
async def up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """Start, wait until ready, hand out; whoever does not stop it gets that done."""
    engine = EngineTwin()
    monkeypatch.setattr(all_in_one, "make_engine", lambda *_, **__: engine)
    home = Home(settings.home)
    home.prepare()
    with home.lock():
        databases = Databases(home, settings)
        databases.prepare()
        status = asyncio.create_task(all_in_one._serve(home, settings, databases))
        transport = httpx.AsyncHTTPTransport(uds=str(home.control_socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://headworks") as client:
            running = Running(settings.home, engine, client, status)
            await _wait_until_ready(running)
            client.headers["authorization"] = f"Bearer {running.credentials['management_key']}"
            yield running
        if not status.done():
            await running.stop()


async def _wait_until_ready(running: Running) -> None:
    async with asyncio.timeout(30):
        while True:
            if running.status.done():
                running.status.result()
            try:
                if (await running.client.get("/health/ready")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.01)


@pytest.fixture
async def running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with up(settings, monkeypatch) as running:
        yield running


def modes(folder: Path) -> Mapping[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.iterdir()}


async def test_a_first_start_gives_keys_that_work(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert running.credentials["endpoint"] == "http://127.0.0.1:8080/v1"
    assert running.credentials["api"] == "http://127.0.0.1:8080/api/v1"
    flow = (await running.ask())["flow"]
    assert flow["model"] == "headworks/echo"
    assert (await running.ask(key="hw_sk_wrong"))["refusal"]["status"] == 401
    keys = (await running.call("GET", "/api/v1/keys"))["data"]
    assert [key["kind"] for key in keys] == ["management", "inference"]
    assert set(modes(running.home).values()) == {0}
    printed = ""
    async with asyncio.timeout(20):
        while running.credentials["api_key"] not in printed:
            await asyncio.sleep(0.01)
            printed += capsys.readouterr().out
    assert await running.stop() == 0


async def test_changes_reach_the_engine(running: Running) -> None:
    made = (await running.call("POST", "/api/v1/keys", 201, json={"name": "x"}))["data"]
    hashed = hashlib.sha256(made["key"].encode()).hexdigest()
    assert running.engine.invalidated[-1] == hashed
    running.engine.invalidated.clear()
    assert "flow" in await running.ask(key=made["key"])
    await running.call("DELETE", f"/api/v1/keys/{made['id']}", 204)
    assert running.engine.invalidated == [hashed]
    refusal = (await running.ask(key=made["key"]))["refusal"]
    assert (refusal["status"], refusal["code"]) == (401, "invalid_api_key")
    body = {"name": "mine", "dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}
    await running.call("POST", "/api/v1/providers", 201, json=body)
    body2 = {"alias": "alias", "targets": [{"provider": "mine", "upstream_model": "m"}]}
    await running.call("POST", "/api/v1/models", 201, json=body2)
    assert running.engine.invalidated[-1] == "*"
    flow = (await running.ask(model="alias"))["flow"]
    assert "http://127.0.0.1:9/v1" in str(flow["targets"])


async def test_usage_is_stored_with_its_key(running: Running) -> None:
    keys = (await running.call("GET", "/api/v1/keys", params={"kind": "inference"}))["data"]
    own = {"organization_id": keys[0]["organization_id"], "key_id": keys[0]["id"]}
    running.engine.serve(*(usage_event(number, **own) for number in range(3)))
    async with asyncio.timeout(20):
        while running.engine.confirmed < 3:
            await asyncio.sleep(0.01)
    report = await running.call("GET", "/api/v1/usage", params={"group_by": "key"})
    (row,) = report["data"]["rows"]
    assert (row["key_name"], row["requests"], row["input_tokens"]) == ("First key", 3, 30)


async def test_operations_answer(running: Running) -> None:
    for path in ("/healthz", "/health", "/ready", "/health/live", "/health/ready", "/health/startup"):
        await running.call("GET", path)
    status = (await running.call("GET", "/api/v1/status"))["data"]
    assert (status["status"], status["data_folder"]) == ("ready", str(running.home))
    assert status["endpoint"] == running.credentials["endpoint"]
    here = {"x-forwarded-for": "127.0.0.1"}
    metrics = (await running.client.get("/metrics", headers=here)).text
    assert "headworks_twin 1" in metrics
    assert "headworks_management_requests_total" in metrics
    assert (await running.client.get("/", headers=here)).status_code == 200
    assert (await running.call("GET", "/api/v1/openapi.json"))["openapi"].startswith("3.1")


async def test_the_end_drains_then_stores_then_closes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with up(settings, monkeypatch) as running:
        drain = running.engine.drain

        def drain_with_a_last_record(seconds: float) -> bool:
            running.engine.serve(usage_event(1))
            return drain(seconds)

        monkeypatch.setattr(running.engine, "drain", drain_with_a_last_record)
        assert await running.stop() == 0
        assert running.engine.drained == [settings.drain_seconds]
        assert running.engine.confirmed == 1
        assert not (running.home / "control.sock").exists()


async def test_a_second_start_finds_its_data(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with up(settings, monkeypatch) as running:
        first = running.credentials
    async with up(settings, monkeypatch) as running:
        assert running.credentials == first
        assert "flow" in await running.ask()
        assert (await running.call("GET", "/api/v1/keys"))["meta"]["total"] == 2


def test_a_start_that_fails_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise EngineError("port 8080 is taken")

    monkeypatch.setattr(all_in_one, "make_engine", refuse)
    assert all_in_one.run(settings) == 1
    assert "port 8080 is taken" in capsys.readouterr().err


async def test_a_folder_in_use_is_not_taken(
    running: Running, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(all_in_one.run, settings) == 1
    assert f"process {os.getpid()}" in capsys.readouterr().err
    await running.call("GET", "/health/ready")


async def test_whose_access_ends_is_asked_about_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the time that a change is answered the engine has forgotten, and the controller says no."""
    async with up(settings, monkeypatch) as running:
        (own,) = (await running.call("GET", "/api/v1/organizations"))["data"]
        other = (await running.call("POST", "/api/v1/organizations", 201, json={"name": "Other"}))["data"]
        invited = await running.call("POST", "/api/v1/invitations", 201, json={"email": "bob@example.org"})
        token = {"token": invited["data"]["token"]}
        running.client.headers.pop("authorization")
        bob = (await running.call("POST", "/api/v1/invitations/accept", 201, json=token))["data"]
        running.client.headers["authorization"] = f"Bearer {running.credentials['management_key']}"
        await _add_key(running, own["id"], "sk-bobs", KeyOwner("user", bob["user_id"]))
        await _add_key(running, other["id"], "sk-others", None)

        async def ends(key: str, method: str, path: str, body: object, status: int, says: str) -> None:
            assert (await running.ask(key=key)).get("refusal", {}).get("status") != 401
            running.engine.invalidated.clear()
            await running.call(method, path, status, json=body)
            assert "*" in running.engine.invalidated
            refusal = (await running.ask(key=key))["refusal"]
            assert (refusal["status"], says in str(refusal["message"])) == (401, True), refusal

        user, organization = f"/api/v1/users/{bob['user_id']}", f"/api/v1/organizations/{other['id']}"
        await ends("sk-bobs", "PATCH", user, {"state": "disabled"}, 200, "owner is disabled")
        await running.call("PATCH", user, json={"state": "active"})
        (member,) = [
            one for one in (await running.call("GET", "/api/v1/members"))["data"] if one["user_id"] == bob["user_id"]
        ]
        await ends("sk-bobs", "DELETE", f"/api/v1/members/{member['id']}", None, 204, "owner left")
        running.engine.invalidated.clear()
        bulk = [{"name": f"bulk {number}"} for number in range(20)]
        await running.call("POST", "/api/v1/keys/bulk", 201, json={"keys": bulk})
        assert running.engine.invalidated == ["*"]
        await ends("sk-others", "PATCH", organization, {"state": "disabled"}, 200, "organisation is disabled")


async def _add_key(running: Running, organization_id: str, text: str, owner: KeyOwner | None) -> None:
    """A key as its owner would have made it."""
    database = Database.sqlite(Home(running.home).identity)
    async with SqlStore(database, EventBus()).transaction(organization_id) as unit:
        (project,) = (await unit.projects.page(PageRequest())).items
        key_hash, at = hashlib.sha256(text.encode()).hexdigest(), now()
        key = KeyView(
            new_id("key"),
            organization_id,
            project.id,
            text,
            "inference",
            INFERENCE,
            key_hash,
            "",
            "",
            at,
            "test",
            owner=owner,
        )
        await unit.keys.add([key])
    await database.close()
