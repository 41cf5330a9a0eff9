"""Gateways as operators see them, and have them drain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.gateway.adapters.register import MemoryRegister
from headworks.gateway.domain.roster import KnownGateway, Said
from headworks.gateway.ports import Holdings, Register
from headworks.kernel.clock import now
from headworks.kernel.permissions import MANAGEMENT
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator

AT = now()
ONE = KnownGateway("spl_1", "10.0.0.7:5", AT, Said("1.0", 3, 2), AT, None, 12, 1)
OTHER = KnownGateway("spl_2", "10.0.0.8:5", AT, away_since=AT + timedelta(seconds=9), revision=14)


class Door:
    """Lets everybody in; `reads` with all permissions but the operator's."""

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        held = MANAGEMENT if token == "operates" else MANAGEMENT - {"installation:operate"}
        return Principal("key_m", "key", "org_1", "prj_1", held)


@dataclass
class Held:
    """The port `Holdings`."""

    amounts: Mapping[str, int] = field(default_factory=dict)

    async def held_by(self, source: str) -> int:
        return self.amounts.get(source, 0)


@pytest.fixture
def register() -> MemoryRegister:
    return MemoryRegister()


@pytest.fixture
async def client(register: MemoryRegister) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app({Authenticator: Door(), Register: register, Holdings: Held({"spl_1": 1_500_000_000})})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": "Bearer operates"},
    ) as client:
        yield client


async def test_an_operator_sees_them_all(register: MemoryRegister, client: httpx.AsyncClient) -> None:
    assert (await client.get("/gateways")).json()["data"] == []
    await register.note("ctl_1", [OTHER, ONE], 14, now())
    answer = (await client.get("/gateways")).json()
    second = (await client.get("/gateways", params={"page": 2, "per_page": 1})).json()
    moment = f"{AT:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert answer["data"][0] == {
        "id": "spl_1",
        "address": "10.0.0.7:5",
        "state": "watching",
        "watching_since": moment,
        "away_since": None,
        "last_heard_at": moment,
        "version": "1.0",
        "revision": 12,
        "newest_revision": 14,
        "behind": 2,
        "waiting_records": 3,
        "open_requests": 2,
        "draining_since": None,
        "drained": False,
        "control": "ctl_1",
        "held_nanodollars": 1_500_000_000,
        "held_usd": "1.50",
    }
    away = answer["data"][1]
    assert (away["state"], away["watching_since"]) == ("away", None)
    assert (away["version"], away["waiting_records"], away["behind"]) == (None, None, 0)
    assert second["data"] == answer["data"][1:]


async def test_an_operator_drains_one_and_has_it_serve_again(
    register: MemoryRegister, client: httpx.AsyncClient
) -> None:
    await register.note("ctl_1", [ONE], 1, now())
    drained = await client.post("/gateways/spl_1/drain")
    assert (drained.status_code, drained.json()["data"]["drained"]) == (200, False)
    since = drained.json()["data"]["draining_since"]
    assert since is not None
    await register.note("ctl_1", [replace(ONE, said=Said("1.0", 0, 0, draining=True))], 1, now())
    (shown,) = (await client.get("/gateways")).json()["data"]
    assert (shown["draining_since"], shown["drained"]) == (since, True)
    assert (await client.post("/gateways/spl_1/undrain")).status_code == 204
    (shown,) = (await client.get("/gateways")).json()["data"]
    assert (shown["draining_since"], shown["drained"]) == (None, False)


@pytest.mark.parametrize("verb", ["drain", "undrain"])
async def test_one_that_nobody_knows(client: httpx.AsyncClient, verb: str) -> None:
    answer = await client.post(f"/gateways/spl_9/{verb}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "gateway_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/gateways"), ("POST", "/gateways/spl_1/drain"), ("POST", "/gateways/spl_1/undrain")],
)
async def test_it_is_for_operators(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path, headers={"authorization": "Bearer reads"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_permission")
