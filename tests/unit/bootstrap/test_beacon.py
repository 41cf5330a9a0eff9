"""Health and metrics of a process without a management API."""

from __future__ import annotations

import httpx
import pytest

from headworks.bootstrap.beacon import beacon
from headworks.bootstrap.health import Health
from headworks.kernel.errors import Unavailable
from headworks.kernel.telemetry.metrics import Metrics
from tests.support.engine_twin import EngineTwin


async def away() -> None:
    raise Unavailable("The broker does not answer.")


def client(health: Health, networks: tuple[str, ...] = ("127.0.0.0/8",)) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(beacon(health, Metrics(), networks))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


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
        assert (await api.post("/health")).status_code == 405


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
