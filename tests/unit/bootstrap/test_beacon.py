"""Health and metrics of a process without a management API."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from headworks.bootstrap.beacon import Beacon
from headworks.bootstrap.health import Health
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry.metrics import Metrics
from tests.support.engine_twin import EngineTwin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def away() -> None:
    raise Unavailable("The broker does not answer.")


@asynccontextmanager
async def client(health: Health, networks: tuple[str, ...] = ("127.0.0.0/8",)) -> AsyncIterator[httpx.AsyncClient]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "beacon.sock"
        beacon = Beacon(health, Metrics(), networks, path)
        serving = beacon.start()
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as api:
            yield api
            assert not serving.done()
            await beacon.stop()
            assert serving.done()


@pytest.mark.parametrize("path", ["/healthz", "/health/live"])
async def test_it_lives(path: str) -> None:
    async with client(Health(EngineTwin(), {})) as api:
        assert (await api.get(path)).json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/health", "/ready", "/health/ready"])
async def test_it_says_what_it_lacks(path: str) -> None:
    engine = EngineTwin()
    engine.start()
    health = Health(engine, {"broker": away})
    async with client(health) as api:
        early = await api.get(path)
        assert (early.status_code, early.json()["status"]) == (503, "unready")
        health.started = True
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        (broker,) = [check for check in answer.json()["checks"] if check["name"] == "broker"]
        assert (broker["state"], broker["detail"]) == ("degraded", "The broker does not answer.")
        assert broker["since"] == next(check["since"] for check in early.json()["checks"] if check["name"] == "broker")


async def test_it_says_when_it_has_started() -> None:
    health = Health(EngineTwin(), {})
    async with client(health) as api:
        assert (await api.get("/health/startup")).status_code == 503
        health.started = True
        assert (await api.get("/health/startup")).status_code == 200


@pytest.mark.parametrize(
    ("address", "status"), [("127.0.0.1", 200), ("10.0.0.5", 403), ("", 403), ("nonsense", 403), ("::1", 403)]
)
async def test_metrics_are_for_the_networks_that_may(address: str, status: int) -> None:
    async with client(Health(EngineTwin(), {})) as api:
        answer = await api.get("/metrics", headers={"x-headworks-client-address": address})
    assert answer.status_code == status
    assert ("process_" in answer.text) is (status == 200)


async def test_there_is_nothing_else() -> None:
    async with client(Health(EngineTwin(), {})) as api:
        assert (await api.get("/api/v1/keys")).status_code == 404
        assert (await api.get("/health/")).status_code == 404
        assert (await api.post("/health", content=b"x" * 200_000)).status_code == 405
        assert (await api.get("/health/live?why=not")).status_code == 200


async def test_a_head_has_no_body() -> None:
    async with client(Health(EngineTwin(), {})) as api:
        answer = await api.head("/health/live")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0
        assert (await api.get("/health/live")).json()["status"] == "ok"


@pytest.mark.parametrize(
    "said", [b"no http at all\r\n\r\n", b"GET /health HTTP/1.1\r\n", b"", b"GET " + b"x" * 100_000]
)
async def test_who_speaks_something_else_disturbs_nobody(said: bytes, tmp_path: Path) -> None:
    beacon = Beacon(Health(EngineTwin(), {}), Metrics(), (), tmp_path / "b.sock")
    beacon.start()
    reader, writer = await asyncio.open_unix_connection(tmp_path / "b.sock")
    with closing(writer):
        writer.write(said)
        writer.write_eof()
        assert await reader.read() == b""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "b.sock"))) as api:
        assert (await api.get("http://gateway/health/live")).status_code == 200
    await beacon.stop()


@pytest.mark.parametrize("path", ["/health", "/ready", "/health/ready"])
async def test_balancers_are_sent_elsewhere_while_it_drains(path: str) -> None:
    engine = EngineTwin()
    engine.start()
    health = Health(engine, {}, started=True)
    async with client(health) as api:
        health.leaving.order(drain=True)
        health.leaving.order(drain=True)
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["status"]) == (503, "unready")
        assert "undrain" in answer.json()["checks"][-1]["detail"]
        assert (await api.get("/health/live")).status_code == 200
        health.leaving.order(drain=False)
        assert (await api.get(path)).status_code == 200
        health.leaving.end()
        health.leaving.order(drain=False)
        answer = await api.get(path)
        assert (answer.status_code, "ending" in answer.json()["checks"][-1]["detail"]) == (503, True)
