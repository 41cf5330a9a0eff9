from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.catalog.ports import Catalogs, Vault
from headworks.catalog.settings import CatalogSettings
from headworks.kernel.errors import Unauthenticated
from headworks.kernel.permissions import MANAGEMENT, Permission
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator
from tests.unit.catalog.conftest import API_KEY, ORGANIZATION, Catalog


class Gatekeeper:
    """Lets in whoever names an organisation, with the permissions that a test sets."""

    def __init__(self) -> None:
        self.permissions: frozenset[Permission] = MANAGEMENT

    async def authenticate(self, token: str, _source: str | None) -> Principal:
        if not token.startswith("org_"):
            raise Unauthenticated("no")
        return Principal("key_1", "key", token, "prj_1", self.permissions)


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper()


@pytest.fixture
async def client(catalog: Catalog, gatekeeper: Gatekeeper) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(
        {
            Authenticator: gatekeeper,
            Catalogs: catalog.catalogs,
            Vault: catalog.vault,
            CatalogSettings: CatalogSettings(),
        }
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={"authorization": f"Bearer {ORGANIZATION}"},
    ) as client:
        yield client


async def made(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def listed(client: httpx.AsyncClient, path: str, **query: str | int) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def refusal(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code, and the fields that are named."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    error = answer.json()["error"]
    return answer.status_code, error["code"], [detail["field"] for detail in error["details"]]


async def add_openai(client: httpx.AsyncClient) -> dict[str, Any]:
    return await made(client, "/providers", name="openai", base_url="https://api.openai.com/v1/", api_key=API_KEY)


async def test_a_secret_goes_in_and_never_comes_out(client: httpx.AsyncClient) -> None:
    provider = await add_openai(client)
    assert provider["credential"] == {"kind": "sealed", "last4": API_KEY[-4:], "reference": None}
    assert provider["base_url"] == "https://api.openai.com/v1"
    changed = await client.patch("/providers/openai", json={"api_key": API_KEY})
    answers = [changed, await client.get("/providers"), await client.get(f"/providers/{provider['id']}")]
    for answer in answers:
        assert answer.status_code == 200
        assert API_KEY not in answer.text
        assert "hw1." not in answer.text
    bad = await client.post("/providers", json={"name": "x", "base_url": "https://a", "api_key": f"{API_KEY} "})
    assert API_KEY not in bad.text


async def test_a_reference_is_shown_with_what_is_wrong_with_it(client: httpx.AsyncClient, catalog: Catalog) -> None:
    body = {"name": "a", "base_url": "https://models.example", "credential_reference": "env:OPENAI_API_KEY"}
    provider = await made(client, "/providers", **body)
    assert provider["credential"] == {"kind": "reference", "last4": None, "reference": "env:OPENAI_API_KEY"}
    assert provider["problem"] is None
    catalog.environment.clear()
    (shown,) = await listed(client, "/providers")
    assert "OPENAI_API_KEY" in shown["problem"]


async def test_references_are_the_operators(client: httpx.AsyncClient, gatekeeper: Gatekeeper) -> None:
    await add_openai(client)
    gatekeeper.permissions = MANAGEMENT - {"installation:operate"}
    for path, method in (("/providers", "POST"), ("/providers/openai", "PATCH")):
        body = {"credential_reference": "file:/etc/passwd"}
        if method == "POST":
            body |= {"name": "a", "base_url": "https://models.example"}
        answer = await client.request(method, path, json=body)
        assert refusal(answer)[:2] == (403, "reference_not_allowed")


async def test_a_provider_is_changed_and_removed(client: httpx.AsyncClient) -> None:
    provider = await add_openai(client)
    answer = await client.patch("/providers/openai", json={"remove_credential": True})
    assert answer.json()["data"] | {"updated_at": 0} == provider | {"credential": None, "updated_at": 0, "version": 2}
    assert (await client.delete("/providers/openai")).status_code == 204
    assert refusal(await client.delete("/providers/openai"))[:2] == (404, "provider_not_found")
    assert await listed(client, "/providers") == []


async def test_a_provider_in_use_is_a_conflict(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    await made(client, "/models", alias="fast", targets=[{"provider": "openai", "upstream_model": "gpt"}])
    answer = await client.delete("/providers/openai")
    assert refusal(answer)[:2] == (409, "in_use")
    assert "'fast'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "base_url"]),
        ({"name": "A", "base_url": "https://a"}, ["name"]),
        ({"name": "a", "base_url": "a"}, ["base_url"]),
        ({"name": "a", "base_url": "https://a", "dialect": "echo"}, ["dialect"]),
        ({"name": "a", "base_url": "https://a", "dialekt": "openai"}, ["dialekt"]),
        ({"name": "a", "base_url": "https://a", "api_key": ""}, ["api_key"]),
        (
            {"name": "a", "base_url": "https://a", "api_key": "x", "credential_reference": "env:X"},
            ["credential_reference"],
        ),
        ({"name": "a", "base_url": "https://a", "credential_reference": "X"}, ["credential_reference"]),
        ({"name": 1, "base_url": None}, ["name", "base_url"]),
    ],
)
async def test_providers_that_are_refused(
    client: httpx.AsyncClient, body: dict[str, object], fields: list[str]
) -> None:
    status, _, named = refusal(await client.post("/providers", json=body))
    assert (status, named) == (422, fields)


async def test_models_are_found_by_id_and_by_name(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    targets = [{"provider": "openai", "upstream_model": "gpt", "weight": 3}]
    model = await made(client, "/models", alias="team/fast", targets=targets)
    (target,) = model["targets"]
    assert target == {
        "deployment_id": target["deployment_id"],
        "provider": "openai",
        "upstream_model": "gpt",
        "weight": 3,
        "enabled": True,
    }
    for name in (model["id"], "team/fast", "team%2Ffast"):
        assert (await client.get(f"/models/{name}")).json()["data"] == model
    moved = [{"provider": "openai", "upstream_model": "mini"}]
    answer = await client.patch("/models/team/fast", json={"targets": moved})
    assert [one["upstream_model"] for one in answer.json()["data"]["targets"]] == ["mini"]
    assert (await client.delete("/models/team/fast")).status_code == 204
    assert refusal(await client.get("/models/team/fast"))[:2] == (404, "model_not_found")


async def test_every_name_that_callers_can_use_is_listed(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    await made(client, "/deployments", provider="openai", upstream_model="gpt")
    await made(client, "/models", alias="fast", targets=[{"provider": "openai", "upstream_model": "mini"}])
    assert [(one["alias"], one["kind"]) for one in await listed(client, "/models")] == [
        ("fast", "alias"),
        ("openai/gpt", "deployment"),
    ]
    assert [one["alias"] for one in await listed(client, "/models", kind="alias")] == ["fast"]
    for answer in (
        await client.delete("/models/openai/gpt"),
        await client.patch("/models/openai/gpt", json={"targets": []}),
    ):
        assert refusal(answer)[:2] == (409, "not_an_alias")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"alias": "a"}, ["targets"]),
        ({"alias": "a b", "targets": []}, ["alias"]),
        ({"alias": "a", "targets": []}, ["targets"]),
        ({"alias": "a", "targets": [{"provider": "none", "upstream_model": "x"}]}, ["targets.0.provider"]),
        (
            {"alias": "a", "targets": [{"provider": "openai", "upstream_model": "x\u200b"}]},
            ["targets.0.upstream_model"],
        ),
        (
            {"alias": "a", "targets": [{"provider": "openai", "upstream_model": "x", "weight": -1}]},
            ["targets.0.weight"],
        ),
        (
            {"alias": "a", "targets": [{"provider": "openai", "upstream_model": "x", "weight": "1"}]},
            ["targets.0.weight"],
        ),
        ({"alias": "a", "targets": [{"provider": "openai", "upstream_model": "x", "wait": 1}]}, ["targets.0.wait"]),
    ],
)
async def test_models_that_are_refused(client: httpx.AsyncClient, body: dict[str, object], fields: list[str]) -> None:
    await add_openai(client)
    status, _, named = refusal(await client.post("/models", json=body))
    assert (status, named) == (422, fields)
    assert await listed(client, "/deployments") == [], "a refused request leaves nothing"


async def test_an_unknown_provider_is_told_its_nearest_name(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    answer = await client.post("/deployments", json={"provider": "opnai", "upstream_model": "gpt"})
    assert refusal(answer) == (422, "unknown_provider", ["provider"])
    assert "did you mean 'openai'?" in answer.json()["detail"]


async def test_deployments_are_made_changed_and_removed(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    deployment = await made(client, "/deployments", provider="openai", upstream_model="gpt", weight=2)
    assert refusal(await client.post("/deployments", json={"provider": "openai", "upstream_model": "gpt"}))[0] == 409
    path = f"/deployments/{deployment['id']}"
    changed = await client.patch(path, json={"enabled": False, "stream_usage": False, "weight": 5})
    wanted = deployment | {"enabled": False, "stream_usage": False, "weight": 5}
    assert changed.json()["data"] | {"updated_at": 0} == wanted | {"updated_at": 0, "version": 2}
    assert (await client.get(path)).json()["data"] == changed.json()["data"]
    assert len(await listed(client, "/deployments", provider="openai")) == 1
    assert await listed(client, "/deployments", provider="other") == []
    assert refusal(await client.patch(path, json={"weight": 1001}))[2] == ["weight"]
    assert (await client.delete(path)).status_code == 204
    assert refusal(await client.get(path))[:2] == (404, "deployment_not_found")


async def test_a_cap_is_set_kept_and_forgotten(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    plain = await made(client, "/deployments", provider="openai", upstream_model="plain")
    assert plain["max_output_tokens"] is None
    capped = await made(client, "/deployments", provider="openai", upstream_model="gpt", max_output_tokens=10_000_000)
    path = f"/deployments/{capped['id']}"
    for change, cap in [
        ({"weight": 3}, 10_000_000),
        ({"max_output_tokens": 1}, 1),
        ({"max_output_tokens": None}, None),
    ]:
        changed = await client.patch(path, json=change)
        assert changed.json()["data"]["max_output_tokens"] == cap


@pytest.mark.parametrize("cap", [0, -1, 10_000_001, 2**64, 1.5, "4096", True])
async def test_caps_that_are_refused(client: httpx.AsyncClient, cap: object) -> None:
    await add_openai(client)
    body = {"provider": "openai", "upstream_model": "gpt"}
    refused = await client.post("/deployments", json={**body, "max_output_tokens": cap})
    assert refusal(refused)[::2] == (422, ["max_output_tokens"])
    there = await made(client, "/deployments", **body)
    refused = await client.patch(f"/deployments/{there['id']}", json={"max_output_tokens": cap})
    assert refusal(refused)[::2] == (422, ["max_output_tokens"])


async def test_a_price_ends_the_one_before(client: httpx.AsyncClient) -> None:
    await add_openai(client)
    body = {"provider": "openai", "upstream_model": "gpt"}
    first = await made(client, "/prices", **body, rates={"input": 5, "output": 7}, valid_from="2026-01-01T00:00:00Z")
    assert first["rates"] | {"input": 5, "cache_read": 5, "reasoning": 7, "images": 0} == first["rates"]
    second = await made(client, "/prices", **body, rates={"input": 6}, valid_from="2026-02-01T00:00:00+01:00")
    prices = await listed(client, "/prices", provider="openai")
    assert [(one["id"], one["valid_to"]) for one in prices] == [
        (first["id"], "2026-01-31T23:00:00.000000Z"),
        (second["id"], None),
    ]
    same = await client.post("/prices", json={**body, "rates": {"input": 1}, "valid_from": "2026-01-15T00:00:00Z"})
    assert refusal(same)[:2] == (409, "prices_overlap")
    assert (await client.delete(f"/prices/{second['id']}")).status_code == 204
    assert refusal(await client.get(f"/prices/{second['id']}"))[:2] == (404, "price_not_found")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"rates": {}}, ["rates"]),
        ({"rates": {"input": -1}}, ["rates.input"]),
        ({"rates": {"input": 1.5}}, ["rates.input"]),
        ({"rates": {"input": "1"}}, ["rates.input"]),
        ({"rates": {"input": True}}, ["rates.input"]),
        ({"rates": {"input": 10**16}}, ["rates.input"]),
        ({"rates": {"tokens": 1}}, ["rates.tokens"]),
        ({"provider": "none"}, ["provider"]),
        ({"valid_from": "2026-01-01T00:00:00"}, ["valid_from"]),
        ({"valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}, ["valid_to"]),
        ({"source": "x" * 501}, ["source"]),
        ({"as_of": "yesterday"}, ["as_of"]),
    ],
)
async def test_prices_that_are_refused(
    client: httpx.AsyncClient, changes: dict[str, object], fields: list[str]
) -> None:
    await add_openai(client)
    body = {"provider": "openai", "upstream_model": "gpt", "rates": {"input": 1}, **changes}
    status, _, named = refusal(await client.post("/prices", json=body))
    assert (status, named) == (422, fields)


async def test_lists_have_pages(client: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b"):
        await made(client, "/providers", name=name, base_url="https://models.example")
    answer = (await client.get("/providers", params={"per_page": 2})).json()
    assert [one["name"] for one in answer["data"]] == ["a", "b"]
    assert answer["meta"] | {"page": 1, "per_page": 2, "total": 3, "total_pages": 2} == answer["meta"]
    assert [one["name"] for one in await listed(client, "/providers", per_page=2, page=2)] == ["c"]


async def test_nothing_of_another_organisation_is_seen_or_touched(client: httpx.AsyncClient) -> None:
    provider = await add_openai(client)
    deployment = await made(client, "/deployments", provider="openai", upstream_model="gpt")
    model = await made(client, "/models", alias="fast", targets=[{"provider": "openai", "upstream_model": "gpt"}])
    price = await made(client, "/prices", provider="openai", upstream_model="gpt", rates={"input": 1})
    client.headers["authorization"] = "Bearer org_2"
    for path in ("/providers", "/deployments", "/models", "/prices"):
        assert await listed(client, path) == []
    for path in (
        f"/providers/{provider['id']}",
        "/providers/openai",
        f"/deployments/{deployment['id']}",
        f"/models/{model['id']}",
        "/models/fast",
        f"/prices/{price['id']}",
    ):
        assert (await client.get(path)).status_code == 404
        assert (await client.delete(path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("POST", "/providers", "providers:write"),
        ("GET", "/providers", "providers:read"),
        ("PATCH", "/deployments/x", "models:write"),
        ("GET", "/deployments/x", "models:read"),
        ("DELETE", "/models/x", "models:write"),
        ("GET", "/models/x", "models:read"),
        ("POST", "/prices", "prices:write"),
        ("GET", "/prices", "prices:read"),
    ],
)
async def test_each_noun_has_its_own_permissions(
    client: httpx.AsyncClient, gatekeeper: Gatekeeper, method: str, path: str, permission: Permission
) -> None:
    gatekeeper.permissions = MANAGEMENT - {permission}
    assert refusal(await client.request(method, path, json={}))[:2] == (403, "missing_permission")


async def test_the_catalogs_lists_are_sorted(client: httpx.AsyncClient) -> None:
    for name in ("b", "c", "a"):
        await made(client, "/providers", name=name, base_url=f"https://{name}.example/v1")
        await made(client, "/deployments", provider=name, upstream_model=f"m-{name}", weight=ord(name) % 2)
        await made(client, "/models", alias=f"x-{name}", targets=[{"provider": name, "upstream_model": f"m-{name}"}])
        await made(client, "/prices", provider=name, upstream_model=f"m-{name}", rates={"input": 1})
    assert [one["name"] for one in await listed(client, "/providers")] == ["a", "b", "c"]
    assert [one["name"] for one in await listed(client, "/providers", sort="-name")] == ["c", "b", "a"]
    assert [one["name"] for one in await listed(client, "/providers", sort="created_at")] == ["b", "c", "a"]
    assert [one["provider"] for one in await listed(client, "/deployments", sort="weight,-provider")] == ["b", "c", "a"]
    aliases = await listed(client, "/models", kind="alias", sort="-alias")
    assert [one["alias"] for one in aliases] == ["x-c", "x-b", "x-a"]
    assert [one["provider"] for one in await listed(client, "/prices", sort="-upstream_model")] == ["c", "b", "a"]
    for noun in ("providers", "deployments", "models", "prices"):
        assert refusal(await client.get(f"/{noun}", params={"sort": "secret"})) == (
            422,
            "invalid_request",
            ["query.sort"],
        )


PRIVATE = ["http://127.0.0.1:1/v1", "http://localhost:1/v1", "http://10.0.0.1/v1", "http://[::ffff:192.168.0.1]/v1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_what_is_on_the_servers_networks_is_the_operators(
    client: httpx.AsyncClient, gatekeeper: Gatekeeper, catalog: Catalog, address: str
) -> None:
    body = {"name": "inside", "base_url": address}
    gatekeeper.permissions = MANAGEMENT - {"installation:operate"}
    status, code, fields = refusal(await client.post("/providers", json=body))
    assert (status, code, fields) == (422, "invalid_request", ["base_url"])
    await made(client, "/providers", name="outside", base_url="https://models.example/v1")
    assert refusal(await client.patch("/providers/outside", json={"base_url": address}))[2] == ["base_url"]

    gatekeeper.permissions = MANAGEMENT
    await made(client, "/providers", **body)
    await made(client, "/deployments", provider="inside", upstream_model="m")
    await made(client, "/deployments", provider="outside", upstream_model="m")
    assert await allowances(catalog) == {"inside/m": True, "outside/m": False}

    # Whoever else moves it later takes the allowance away; a change of something else leaves it.
    gatekeeper.permissions = MANAGEMENT - {"installation:operate"}
    assert (await client.patch("/providers/inside", json={"remove_credential": True})).status_code == 200
    assert (await allowances(catalog))["inside/m"] is True
    assert (await client.patch("/providers/inside", json={"base_url": "https://other.example/v1"})).status_code == 200
    assert (await allowances(catalog))["inside/m"] is False


async def allowances(catalog: Catalog) -> dict[str, bool]:
    """Which names the engine may call at private addresses: what their host resolves to is looked at there."""
    snapshot = await catalog.facade.snapshot(ORGANIZATION)
    return {name: route.targets[0].private_network for name, route in snapshot.routes.items()}


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.0.1/v1",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "http://[64:ff9b::a9fe:a9fe]/v1",
        "http://100.100.100.200/v1",
        "http://[fd00:ec2::254]/v1",
        "http://0.0.0.0/v1",
        "http://metadata.google.internal/v1",
    ],
)
async def test_what_hands_out_credentials_is_nobodys(client: httpx.AsyncClient, address: str) -> None:
    assert refusal(await client.post("/providers", json={"name": "x", "base_url": address}))[2] == ["base_url"]


INSTALLATION = {"owner": "installation"}


async def share(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    return await client.post(path, params=INSTALLATION, json=body)


async def test_what_operators_set_up_everybody_can_use(client: httpx.AsyncClient) -> None:
    made_there = await share(client, "/providers", name="big", base_url="https://big.example/v1", api_key=API_KEY)
    assert made_there.status_code == 201
    shown = await client.get(made_there.headers["location"].removeprefix("/api/v1"))
    assert shown.json()["data"] == made_there.json()["data"]
    assert (
        await share(client, "/models", alias="fast", targets=[{"provider": "big", "upstream_model": "m"}])
    ).is_success
    for organization in (ORGANIZATION, "org_2"):
        headers = {"authorization": f"Bearer {organization}"}
        found = (await client.get("/models", headers=headers)).json()["data"]
        assert [(model["alias"], model["owner"]) for model in found] == [("fast", "installation")]
        assert (await client.get("/models/fast", headers=headers)).json()["data"]["owner"] == "installation"
        assert (await client.get("/providers", headers=headers)).json()["data"] == []


async def test_an_organization_s_own_name_wins(client: httpx.AsyncClient) -> None:
    await share(client, "/providers", name="big", base_url="https://big.example/v1")
    await share(client, "/models", alias="fast", targets=[{"provider": "big", "upstream_model": "m"}])
    await add_openai(client)
    await made(client, "/models", alias="fast", targets=[{"provider": "openai", "upstream_model": "gpt"}])
    (own,) = await listed(client, "/models")
    assert (own["owner"], own["targets"][0]["provider"]) == ("organization", "openai")
    (shared,) = await listed(client, "/models", owner="installation")
    assert shared["targets"][0]["provider"] == "big"


async def test_only_operators_touch_what_is_shared(client: httpx.AsyncClient, gatekeeper: Gatekeeper) -> None:
    provider = (await share(client, "/providers", name="big", base_url="https://big.example/v1")).json()["data"]
    await share(client, "/models", alias="fast", targets=[{"provider": "big", "upstream_model": "m"}])
    gatekeeper.permissions = MANAGEMENT - {"installation:operate"}
    for method, path, body in (
        ("GET", "/providers", None),
        ("GET", f"/providers/{provider['id']}", None),
        ("POST", "/providers", {"name": "mine", "base_url": "https://mine.example/v1"}),
        ("PATCH", "/providers/big", {"base_url": "https://mine.example/v1"}),
        ("DELETE", "/providers/big", None),
        ("GET", "/models", None),
        ("DELETE", "/models/fast", None),
        ("POST", "/prices", {"provider": "big", "upstream_model": "m", "rates": {"input": 1}}),
    ):
        answer = await client.request(method, path, params=INSTALLATION, json=body)
        assert refusal(answer)[:2] == (403, "missing_permission"), (method, path)
    assert refusal(await client.delete("/models/fast"))[:2] == (404, "model_not_found")
    assert refusal(await client.get(f"/providers/{provider['id']}"))[:2] == (404, "provider_not_found")
    assert refusal(await client.get("/models", params={"owner": "org_2"}))[0] == 422
