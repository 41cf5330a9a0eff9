"""Whole installations on PostgreSQL and MariaDB: from empty tables to a usage record, and through the death of the database."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tests.support.accounts import discrepancies
from tests.support.child import Child, eventually
from tests.support.databases import SERVERS
from tests.support.headworks import Headworks
from tests.support.load import Load
from tests.support.mock import MockProvider
from tests.support.rig import Rig
from tests.support.servers import KINDS, Missing
from tests.support.servers.server import PASSWORD, Server
from tests.support.wire import exchange, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKED: list[Any] = [{"role": "user", "content": "one two three"}]


@dataclass
class Installation:
    """A server of its own, so that it can be killed."""

    server: Server
    rig: Rig


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    try:
        server = KINDS[request.param]().start()
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.close()


@contextmanager
def installed(server: Server, folder: Path, **settings: str) -> Iterator[Rig]:
    """Migrated and started, with the mock as its provider."""
    headworks = Headworks(folder / "home", **settings)
    migrated = db(headworks, "migrate")
    assert migrated.count("migrated from nothing") == 6, migrated
    with MockProvider(folder) as upstream, headworks:
        rig = Rig(headworks, upstream)
        rig.prepare()
        yield rig
        seen = headworks.child.output() + httpx.get(f"{headworks.url}/health", trust_env=False).text
        seen += str(headworks.management.get("/status"))
    assert PASSWORD not in seen
    assert server.url("x").split("@")[0].rpartition(":")[2] not in seen


def db(headworks: Headworks, *arguments: str) -> str:
    """What `headworks db …` prints."""
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "db", *arguments]
    environment = {f"HEADWORKS_{name.upper()}": value for name, value in headworks.settings.items()}
    log = headworks.home.with_suffix(f".{arguments[0]}.log")
    with Child(command, log=log, settings=environment | {"HEADWORKS_HOME": str(headworks.home)}) as child:
        child.wait(60)
        return child.output()


def checks(rig: Rig) -> dict[str, str]:
    """What readiness says of each part."""
    answer = httpx.get(f"{rig.headworks.url}/health/ready", trust_env=False, timeout=10)
    return {check["name"]: check["state"] for check in answer.json()["checks"]}


def test_from_empty_tables_to_a_usage_record(server: Server, tmp_path: Path) -> None:
    url = server.url(server.new_database())
    early = Headworks(tmp_path / "early", database_url=url)
    early.start(ready=False)
    assert early.child.wait(30) == 1
    assert "not there yet; run: headworks db migrate" in early.child.output()

    with installed(server, tmp_path, database_url=url) as rig:
        assert not list(rig.headworks.home.glob("*.sqlite3"))
        management = rig.headworks.management
        alias = rig.model("mock:tokens=7")
        key = management.create_key("Grüße 😀", allowed_models=[alias])
        with rig.headworks.openai(api_key=key["key"]) as client:
            raw = client.chat.completions.with_raw_response.create(model=alias, messages=ASKED)
            assert raw.parse().choices[0].message.content
            with pytest.raises(openai.NotFoundError):
                client.chat.completions.create(model=alias.upper(), messages=ASKED)
        record = rig.record(raw.headers["x-request-id"])
        assert (record["key_id"], record["output_tokens"], record["outcome"]) == (key["id"], 7, "success")
        (row,) = management.get("/usage", group_by="key")["rows"]
        assert (row["key_name"], row["requests"], row["output_tokens"]) == ("Grüße 😀", 1, 7)

        assert rig.headworks.stop() == 0
        rig.headworks.start()
        with rig.headworks.openai(api_key=key["key"]) as client:
            assert client.chat.completions.create(model=alias, messages=ASKED).choices
        management.delete(f"/keys/{key['id']}")
        with rig.headworks.openai(api_key=key["key"]) as client, pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model=alias, messages=ASKED)
        assert set(checks(rig).values()) == {"ok"}
    assert "current" in db(rig.headworks, "status")


def test_usage_alone_may_be_on_a_server(server: Server, tmp_path: Path) -> None:
    with installed(server, tmp_path, usage_database_url=server.url(server.new_database())) as rig:
        assert sorted(path.name for path in rig.headworks.home.glob("*.sqlite3")) == [
            "catalog.sqlite3",
            "identity.sqlite3",
            "limits.sqlite3",
        ]
        body = f'{{"model": "{rig.model("mock:tokens=3")}", "messages": []}}'.encode()
        answer = exchange(rig.headworks.port, post("/v1/chat/completions", body, key=rig.headworks.credentials.api_key))
        assert rig.record(answer.headers["x-request-id"])["output_tokens"] == 3


def test_the_database_dies_under_load_and_comes_back(server: Server, tmp_path: Path) -> None:
    with installed(server, tmp_path, database_url=server.url(server.new_database())) as rig:
        key = rig.headworks.credentials.api_key
        models = [rig.model(model) for model in ("mock:tokens=5", "mock:tokens=20,rate=1000", "mock:status=500")]
        known = [
            post("/v1/chat/completions", f'{{"model": "{name}", "messages": []}}'.encode(), key=key) for name in models
        ]
        usual = [exchange(rig.headworks.port, request).status for request in known]
        with Load(rig.headworks, models, clients=4, seed=3) as load:
            eventually(lambda: load.answered >= 50, what="answers before")
            server.kill()
            answered = load.answered
            eventually(lambda: load.answered >= answered + 200, what="answers without a database")
            eventually(lambda: checks(rig)["usage database"] == "degraded", what="readiness says so")
            assert [exchange(rig.headworks.port, request).status for request in known] == usual

            ready = httpx.get(f"{rig.headworks.url}/health/ready", trust_env=False)
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert {name for name, state in checks(rig).items() if state == "degraded"} >= {
                "identity database",
                "catalog database",
            }
            assert str(server.port) not in ready.text
            _refused_for_now(rig)

            server.start()
            eventually(lambda: set(checks(rig).values()) == {"ok"}, what="readiness after", seconds=60)
            answered = load.answered
            eventually(lambda: load.answered >= answered + 50, what="answers after")
        rig.upstream.wait_until_idle()

        def agreed() -> bool:
            return not discrepancies(rig.upstream.requests(), rig.headworks.management.usage_events())

        eventually(agreed, what="one record of every request", seconds=60)
        records = rig.headworks.management.usage_events()
        assert len(records) == len({record["event_id"] for record in records}) >= 300
        rows = rig.headworks.management.get("/usage", group_by="model")["rows"]
        assert sum(row["requests"] for row in rows) == len(records)


def _refused_for_now(rig: Rig) -> None:
    """What needs the database is unavailable; it is not forbidden, and not forgotten."""
    management = httpx.get(
        f"{rig.headworks.credentials.api}/keys",
        headers={"authorization": f"Bearer {rig.headworks.credentials.management_key}"},
        trust_env=False,
        timeout=30,
    )
    assert (management.status_code, management.json()["error"]["code"]) == (503, "database_unavailable")
    unseen = b'{"model": "headworks/echo", "messages": []}'
    answer = exchange(rig.headworks.port, post("/v1/chat/completions", unseen, key="sk-never-seen-before"))
    assert answer.status == 503, answer.body
