"""Every route that changes something leaves entries of who, whose, and by which request; the list of routes is compared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from headworks.audit.contracts import Entry
from headworks.bootstrap.app import build_app
from headworks.bootstrap.container import Container, build_container, furnish, lay_foundation
from headworks.bootstrap.control_plane import management_app
from headworks.bootstrap.credentials import Credentials
from headworks.bootstrap.databases import Databases
from headworks.bootstrap.description import routes_of
from headworks.bootstrap.health import Health
from headworks.bootstrap.home import Home
from headworks.bootstrap.messages import TOPOLOGY
from headworks.bootstrap.settings import Settings
from headworks.bootstrap.sign_in import build_sign_in
from headworks.bootstrap.welcome import Welcome
from headworks.gateway.domain.roster import KnownGateway
from headworks.kernel.audit import Change
from headworks.kernel.bus.adapters.memory import MemoryBus
from headworks.kernel.clock import now
from tests.support.dead_letters import LETTER, refused
from tests.support.engine_twin import EngineTwin
from tests.support.memory_objects import MemoryObjects

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Sample:
    """A request that changes something. `{key}`, `{price}` and so on stand for things that were made before."""

    path: str
    body: dict[str, object] | None = None


MODEL: dict[str, object] = {"targets": [{"provider": "up", "upstream_model": "m"}]}
CONNECTION: dict[str, object] = {
    "issuer": "https://id.example.com",
    "client_id": "headworks",
    "client_secret": "canary-client-secret",
    "allowed_domains": ["example.com"],
}
BUDGET: dict[str, object] = {"name": "b", "scope": "organization", "amount_nanodollars": 10**9, "period": "month"}
RAISE: dict[str, object] = {
    "amount_nanodollars": 5,
    "until": (now() + timedelta(days=1)).isoformat(),
}
SAMPLES = {
    ("POST", "/api/v1/keys"): Sample("/keys", {"name": "another"}),
    ("PATCH", "/api/v1/keys/{key_id}"): Sample("/keys/{key}", {"name": "renamed"}),
    ("DELETE", "/api/v1/keys/{key_id}"): Sample("/keys/{key}"),
    ("POST", "/api/v1/providers"): Sample("/providers", {"name": "other", "base_url": "https://other.example/v1"}),
    ("PATCH", "/api/v1/providers/{provider}"): Sample("/providers/up", {"base_url": "https://up.example/v2"}),
    ("DELETE", "/api/v1/providers/{provider}"): Sample("/providers/up"),
    ("POST", "/api/v1/deployments"): Sample("/deployments", {"provider": "up", "upstream_model": "n"}),
    ("PATCH", "/api/v1/deployments/{deployment_id}"): Sample("/deployments/{deployment}", {"weight": 3}),
    ("DELETE", "/api/v1/deployments/{deployment_id}"): Sample("/deployments/{deployment}"),
    ("POST", "/api/v1/models"): Sample("/models", {"alias": "team/new", **MODEL}),
    ("PATCH", "/api/v1/models/{model:path}"): Sample("/models/fast", MODEL),
    ("DELETE", "/api/v1/models/{model:path}"): Sample("/models/fast"),
    ("POST", "/api/v1/prices"): Sample("/prices", {"provider": "up", "upstream_model": "n", "rates": {"input": 1}}),
    ("DELETE", "/api/v1/prices/{price_id}"): Sample("/prices/{price}"),
    ("POST", "/api/v1/limits"): Sample(
        "/limits", {"scope": "model", "scope_id": "fast", "unit": "tokens", "window": "minute", "amount": 1}
    ),
    ("PATCH", "/api/v1/limits/{limit_id}"): Sample("/limits/{limit}", {"amount": 2}),
    ("DELETE", "/api/v1/limits/{limit_id}"): Sample("/limits/{limit}"),
    ("POST", "/api/v1/budgets"): Sample("/budgets", {**BUDGET, "scope": "project", "scope_id": "{project}"}),
    ("PATCH", "/api/v1/budgets/{budget_id}"): Sample("/budgets/{budget}", {"amount_nanodollars": 7}),
    ("DELETE", "/api/v1/budgets/{budget_id}"): Sample("/budgets/{budget}"),
    ("POST", "/api/v1/budgets/{budget_id}/raises"): Sample("/budgets/{budget}/raises", RAISE),
    ("DELETE", "/api/v1/budgets/{budget_id}/raises/{raise_id}"): Sample("/budgets/{budget}/raises/{raise}"),
    ("POST", "/api/v1/ledger/closed-periods"): Sample("/ledger/closed-periods", {"until": "2026-01-01T00:00:00Z"}),
    ("POST", "/api/v1/ledger/counter-rebuilds"): Sample("/ledger/counter-rebuilds", {}),
    ("POST", "/api/v1/mark-ups"): Sample("/mark-ups", {"ppm": 1, "valid_from": "2026-01-01T00:00:00Z"}),
    ("DELETE", "/api/v1/mark-ups/{mark_up_id}"): Sample("/mark-ups/{mark_up}"),
    ("POST", "/api/v1/keyring/rotations"): Sample("/keyring/rotations", {}),
    ("POST", "/api/v1/dead-letter-replays"): Sample("/dead-letter-replays", {"queue": "usage"}),
    ("POST", "/api/v1/gateways/{gateway_id}/drain"): Sample("/gateways/{gateway}/drain"),
    ("POST", "/api/v1/gateways/{gateway_id}/undrain"): Sample("/gateways/{drained_gateway}/undrain"),
    ("POST", "/api/v1/keys/bulk"): Sample("/keys/bulk", {"keys": [{"name": "one of many"}]}),
    ("POST", "/api/v1/keys/{key_id}/rotate"): Sample("/keys/{key}/rotate", {"overlap_seconds": 0}),
    ("POST", "/api/v1/organizations"): Sample("/organizations", {"name": "Another"}),
    ("PATCH", "/api/v1/organizations/{organization_id}"): Sample("/organizations/{organization}", {"name": "Renamed"}),
    ("POST", "/api/v1/projects"): Sample("/projects", {"name": "Another"}),
    ("PATCH", "/api/v1/projects/{project_id}"): Sample("/projects/{project}", {"name": "Renamed"}),
    ("PATCH", "/api/v1/users/{user_id}"): Sample("/users/{user}", {"name": "Renamed"}),
    ("POST", "/api/v1/users/{user_id}/password-reset"): Sample("/users/{user}/password-reset"),
    ("POST", "/api/v1/invitations"): Sample("/invitations", {"email": "bob@example.org"}),
    ("DELETE", "/api/v1/invitations/{invitation_id}"): Sample("/invitations/{invitation}"),
    ("PATCH", "/api/v1/members/{member_id}"): Sample("/members/{member}", {"role": "admin"}),
    ("DELETE", "/api/v1/members/{member_id}"): Sample("/members/{member}"),
    ("POST", "/api/v1/service-accounts"): Sample("/service-accounts", {"name": "ci", "project_id": "{project}"}),
    ("PATCH", "/api/v1/service-accounts/{service_account_id}"): Sample(
        "/service-accounts/{service_account}", {"name": "renamed"}
    ),
    ("POST", "/api/v1/sso-connections"): Sample("/sso-connections", {"name": "Another", **CONNECTION}),
    ("PATCH", "/api/v1/sso-connections/{connection_id}"): Sample("/sso-connections/{connection}", {"enabled": False}),
    ("DELETE", "/api/v1/sso-connections/{connection_id}"): Sample("/sso-connections/{connection}"),
    ("POST", "/api/v1/usage/export"): Sample("/usage/export", {}),
    ("POST", "/api/v1/usage-events/export"): Sample("/usage-events/export", {}),
    ("POST", "/api/v1/usage-rebuilds"): Sample(
        "/usage-rebuilds", {"first_day": "2026-01-01", "last_day": "2026-01-02"}
    ),
    ("PATCH", "/api/v1/directory"): Sample("/directory", {"default_role": "maintainer"}),
    ("POST", "/api/v1/directory-tokens"): Sample("/directory-tokens", {"name": "Entra ID"}),
    ("DELETE", "/api/v1/directory-tokens/{token_id}"): Sample("/directory-tokens/{directory_token}"),
    ("PATCH", "/api/v1/directory-groups/{group_id}"): Sample("/directory-groups/{directory_group}", {"role": "viewer"}),
}
CHANGES_NOTHING_HERE = {("POST", "/api/v1/re-ratings")}
"""There is no usage to rate anew: tests/unit/ledger looks at what it leaves."""
OF_PEOPLE = {
    ("POST", "/api/v1/auth/sso/token"),
    *(("POST", f"/api/v1/auth/{what}") for what in ("login", "logout", "password", "refresh", "switch")),
    *(("POST", f"/api/v1/auth/totp{what}") for what in ("", "/confirm", "/recovery-codes", "/remove")),
    ("DELETE", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/{session_id}"),
    ("POST", "/api/v1/invitations/accept"),
    ("POST", "/api/v1/users/{user_id}/second-factor-reset"),
}
"""Of people who sign in or join, and of no key: tests/unit/identity looks at what they leave."""

OF_DIRECTORIES = {
    *(("POST", f"/scim/v2{what}") for what in ("/Users", "/Groups", "/Users/.search", "/Groups/.search", "/.search")),
    *((method, f"/scim/v2/{kind}/{{id}}") for kind in ("Users", "Groups") for method in ("PUT", "PATCH", "DELETE")),
    *((method, "/scim/{rest:path}") for method in ("POST", "PUT", "PATCH", "DELETE")),
}
"""Of directories alone: tests/unit/identity/directory looks at what they leave."""


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    home = Home(tmp_path / "home")
    home.prepare()
    settings = Settings(home=home.path)
    databases = Databases(home, settings)
    databases.prepare()
    queues = MemoryBus(TOPOLOGY)
    await refused(queues, "usage", LETTER)
    container = build_container(lay_foundation(home, settings, databases, {}), queues)
    yield container
    await container.close()


@pytest.fixture
async def api(container: Container, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    home = Home(tmp_path / "home")
    credentials = Credentials(home.credentials, "http://127.0.0.1:1/v1")
    foothold = await container.identity.ensure_access(has_credentials=False, keep=credentials.keep)
    assert foothold.keys is not None
    await furnish(container, foothold.organization_id)
    at = now()
    await container.register.note("ctl_1", [KnownGateway("spl_1", "a", at), KnownGateway("spl_2", "b", at)], 0, at)
    await container.register.drain(
        "spl_2", at, Change("gateways.drained", "gateway", "spl_2", None, {"draining": True})
    )
    welcome = Welcome(Settings(home=home.path), {}, container.catalog, foothold.organization_id, "http://x/v1", None)
    health = Health(EngineTwin(), {}, started=True)
    app = management_app(container, build_sign_in(container), health, welcome, home, objects=MemoryObjects())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://headworks/api/v1",
        headers={
            "authorization": f"Bearer {foothold.keys.management.reveal()}",
            "x-headworks-client-address": "192.0.2.7",
            "x-request-id": "req_before",
        },
    ) as client:
        yield client


async def made(api: httpx.AsyncClient) -> dict[str, str]:
    """Something of each kind, by the name that samples use."""

    async def make(path: str, body: dict[str, object]) -> str:
        answer = await api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    await make("/providers", {"name": "up", "base_url": "https://up.example/v1"})
    found = {
        "key": await make("/keys", {"name": "made"}),
        "letter": LETTER.id,
        "gateway": "spl_1",
        "drained_gateway": "spl_2",
        "deployment": await make("/deployments", {"provider": "up", "upstream_model": "spare"}),
        "budget": await make("/budgets", BUDGET),
        "mark_up": await make("/mark-ups", {"ppm": 1}),
        "price": await make("/prices", {"provider": "up", "upstream_model": "m", "rates": {"input": 1, "output": 1}}),
    }
    await make("/models", {"alias": "fast", **MODEL})
    found["raise"] = await make(f"/budgets/{found['budget']}/raises", RAISE)
    found |= {
        "organization": await make("/organizations", {"name": "Second"}),
        "project": await make("/projects", {"name": "Second"}),
        "service_account": await make("/service-accounts", {"name": "robot"}),
        "invitation": await make("/invitations", {"email": "eve@example.org"}),
        "connection": await make("/sso-connections", {"name": "Directory", **CONNECTION}),
        "limit": await make("/limits", {"scope": "organization", "unit": "concurrent", "amount": 1}),
    }
    return found | await joined(api) | await told(api)


async def joined(api: httpx.AsyncClient) -> dict[str, str]:
    """Somebody who came by a link."""
    invited = await api.post("/invitations", json={"email": "ada@example.org"})
    acceptance = api.build_request("POST", "/invitations/accept", json={"token": invited.json()["data"]["token"]})
    del acceptance.headers["authorization"]
    answer = await api.send(acceptance)
    assert answer.status_code == 201, answer.text
    members = (await api.get("/members")).json()["data"]
    (member,) = [one for one in members if one["email"] == "ada@example.org"]
    return {"member": member["id"], "user": member["user_id"]}


async def told(api: httpx.AsyncClient) -> dict[str, str]:
    """A directory's token, and a group that it told of."""
    token = (await api.post("/directory-tokens", json={"name": "Okta"})).json()["data"]
    group = api.build_request("POST", "http://headworks/scim/v2/Groups", json={"displayName": "Engineers"})
    group.headers["authorization"] = f"Bearer {token['token']}"
    answer = await api.send(group)
    assert answer.status_code == 201, answer.text
    return {"directory_token": token["id"], "directory_group": answer.json()["id"]}


async def entries_of(container: Container, request_id: str) -> list[Entry]:
    stretches = [await reader.following(0, 10_000) for reader in container.trails.readers]
    return [entry for stretch in stretches for entry in stretch if entry.request_id == request_id]


def test_every_route_that_changes_something_has_a_sample() -> None:
    routes = {(method, route.path) for route in routes_of(build_app({})) for method in (route.methods or ())}
    assert {route for route in routes if route[0] in CHANGING} == set(
        SAMPLES
    ) | OF_PEOPLE | OF_DIRECTORIES | CHANGES_NOTHING_HERE


@pytest.mark.parametrize(("method", "path"), SAMPLES, ids=str)
async def test_a_change_leaves_entries(api: httpx.AsyncClient, container: Container, method: str, path: str) -> None:
    sample = SAMPLES[method, path]
    things = await made(api)
    if (method, path) == ("DELETE", "/api/v1/providers/{provider}"):
        assert (await api.delete("/models/fast")).status_code == 204
    caller = (await api.get("/keys", params={"kind": "management"})).json()["data"][0]
    body = None if sample.body is None else {**sample.body}
    for name in ("project_id", "scope_id"):
        if body and name in body:
            body[name] = str(body[name]).format(**things)
    answer = await api.request(method, sample.path.format(**things), json=body, headers={"x-request-id": "req_this"})
    assert answer.is_success, answer.text
    entries = await entries_of(container, "req_this")
    assert entries, "the change left no entry"
    owners = {entry.organization_id for entry in entries}
    if path.startswith("/api/v1/organizations"):
        assert owners == {answer.json()["data"]["id"]}, "whose it is, not whose key it was"
    else:
        installations = {""} if path.endswith(("rotations", "replays", "drain")) else set()
        assert owners <= {caller["organization_id"]} | installations
    for entry in entries:
        assert (entry.actor_kind, entry.actor_id, entry.source) == ("key", caller["id"], "192.0.2.7")
        assert (entry.before is None, entry.after is None) != (True, True)


@pytest.mark.parametrize(("method", "path"), SAMPLES, ids=str)
async def test_what_is_refused_leaves_none(
    api: httpx.AsyncClient, container: Container, method: str, path: str
) -> None:
    sample = SAMPLES[method, path]
    things = {name: f"{thing}x" for name, thing in (await made(api)).items()}
    headers = {"x-request-id": "req_this", "authorization": "Bearer hw_mk_nobody"}
    answer = await api.request(method, sample.path.format(**things), json=sample.body, headers=headers)
    assert answer.status_code == 401
    assert await entries_of(container, "req_this") == []
