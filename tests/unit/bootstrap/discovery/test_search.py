"""What discovery finds, what it offers to the catalog, and to whom it sends which key."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from headworks.bootstrap.discovery import NAMES, Discovery, Finding
from headworks.bootstrap.discovery.places import HOSTED, list_request
from headworks.bootstrap.discovery.search import Surroundings, discover, forget
from headworks.catalog.contracts import Offer, Offered, Provider, Route, RouteTarget, Snapshot, VisibleModel
from headworks.kernel.errors import Invalid
from tests.support.scripted import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ORGANIZATION = "org_1"
AT = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE = dict.fromkeys(NAMES, "")
"""Every place turned off; a test moves those that it is about."""


@dataclass
class FakeCatalog:
    """Remembers what it was offered."""

    snapshot_now: Snapshot = field(default_factory=lambda: Snapshot(ORGANIZATION, 1, {}, (), None))
    by_hand: frozenset[str] = frozenset()
    offers: dict[str, Offer] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    error: Invalid | None = None

    async def offer_provider(self, organization_id: str, offer: Offer) -> Offered:
        assert organization_id == ORGANIZATION
        if self.error is not None:
            raise self.error
        self.offers[offer.name] = offer
        provider = Provider("prv_1", organization_id, offer.name, "openai", offer.base_url, None, "discovered", AT, AT)
        odd = tuple(model for model in offer.models if " " in model)
        return Offered(provider, kept=offer.name in self.by_hand, added=(), withdrawn=(), skipped=odd)

    async def withdraw_provider(self, organization_id: str, name: str) -> bool:
        assert organization_id == ORGANIZATION
        self.withdrawn.append(name)
        return True

    async def snapshot(self, organization_id: str) -> Snapshot:
        assert organization_id == ORGANIZATION
        return self.snapshot_now


@pytest.fixture
def catalog() -> FakeCatalog:
    """An empty catalog."""
    return FakeCatalog()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider or model server."""
    with ScriptedServer() as running:
        yield running


def listing(*names: str) -> Reply:
    """A list of models."""
    return Reply({"object": "list", "data": [{"id": name} for name in names]})


def known(name: str) -> Snapshot:
    """A catalog where an earlier start found `name`, with a model `old`."""
    target = RouteTarget(
        deployment_id="dep_1",
        provider_id="prv_1",
        dialect="openai",
        base_url="http://127.0.0.1:1/v1",
        upstream_model="old",
        weight=1,
        stream_usage=True,
        credential_id=None,
        credential=None,
        private_network=True,
    )
    routes = {f"{name}/old": Route(f"{name}/old", (target,), name, AT)}
    return Snapshot(ORGANIZATION, 1, routes, (VisibleModel("dep_1", "old", "discovered"),), None)


async def look(
    catalog: FakeCatalog, moved: dict[str, str], *, environment: dict[str, str] | None = None, own_port: int = 8080
) -> tuple[Finding, ...]:
    """Discover with only the places that are named by `moved`."""
    found = await discover(catalog, ORGANIZATION, Surroundings(environment or {}, own_port, NOWHERE | moved))
    return found.findings


async def test_nothing_is_there(catalog: FakeCatalog) -> None:
    assert await look(catalog, {"ollama": "http://127.0.0.1:1/v1"}) == ()
    assert (catalog.offers, catalog.withdrawn) == ({}, [])


async def test_a_local_server(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing("llama3.2:latest", "odd name"))
    (finding,) = await look(catalog, {"ollama": f"{server.origin}/v1/"})
    assert (finding.state, finding.models) == ("listed", ("llama3.2:latest",))
    assert catalog.offers["ollama"] == Offer(
        "ollama", "openai", f"{server.origin}/v1", None, ("llama3.2:latest", "odd name")
    )
    assert "authorization" not in server.asked[0].headers


async def test_a_hosted_provider_gets_its_own_key_and_no_other(catalog: FakeCatalog) -> None:
    variables = {place.name: place.key_variable for place in HOSTED}
    environment = {variable: f"secret-{name}" for name, variable in variables.items()}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ScriptedServer()) for name in variables}
        for server in servers.values():
            server.on("GET", "/v1/models", listing("models/m"))
        moved = {name: f"{server.origin}/v1" for name, server in servers.items()}
        findings = await look(catalog, moved, environment=environment)
    assert {finding.name: finding.source for finding in findings} == variables
    for name, server in servers.items():
        (asked,) = server.asked
        sent = " ".join(asked.headers.values())
        assert f"secret-{name}" in sent
        assert sent.count("secret-") == 1
        assert catalog.offers[name].credential_reference == f"env:{variables[name]}"
    assert servers["anthropic"].asked[0].headers["x-api-key"] == "secret-anthropic"
    assert catalog.offers["gemini"].models == ("m",)
    assert "secret-" not in repr(findings) + repr(catalog.offers)


async def test_good_first_choices_come_first(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing("zzz", "gpt-4o", "gpt-4o-mini"))
    (finding,) = await look(catalog, {"openai": f"{server.origin}/v1"}, environment={"OPENAI_API_KEY": "k"})
    assert finding.models == ("gpt-4o-mini", "gpt-4o", "zzz")


async def test_a_key_follows_the_variable_of_the_providers_own_sdk(
    catalog: FakeCatalog, server: ScriptedServer
) -> None:
    server.on("GET", "/root/v1/models", listing("m"))
    environment = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": f"{server.origin}/root/"}
    addresses = {name: "" for name in NAMES if name != "anthropic"}
    found = await discover(catalog, ORGANIZATION, Surroundings(environment, 8080, addresses))
    assert [finding.state for finding in found.findings] == ["listed"]
    assert catalog.offers["anthropic"].base_url == f"{server.origin}/root/v1"


@pytest.mark.parametrize(
    "environment",
    [
        {"OPENAI_API_KEY": "hw_sk_abc"},
        {"OPENAI_API_KEY": "sk-abc", "OPENAI_BASE_URL": "http://localhost:8080/v1"},
    ],
)
async def test_what_is_meant_for_headworks_itself_is_skipped(catalog: FakeCatalog, environment: dict[str, str]) -> None:
    addresses = {name: "" for name in NAMES if name != "openai"}
    found = await discover(catalog, ORGANIZATION, Surroundings(environment, 8080, addresses))
    assert [finding.state for finding in found.findings] == ["skipped"]
    assert catalog.offers == {}


async def test_our_own_port_is_no_model_server(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing("m"))
    assert await look(catalog, {"vllm": f"{server.origin}/v1"}, own_port=server.port) == ()
    assert server.asked == []


async def test_a_refused_key_is_not_offered(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", Reply({"error": {"message": "no"}}, 401))
    (finding,) = await look(catalog, {"groq": f"{server.origin}/v1"}, environment={"GROQ_API_KEY": "sk-bad"})
    assert (finding.state, finding.offered) == ("refused", False)
    assert "GROQ_API_KEY" in finding.remark
    assert "sk-bad" not in finding.remark
    assert catalog.offers == {}


async def test_a_local_server_that_wants_a_key_says_what_to_do(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", Reply({"error": "no"}, 401))
    (finding,) = await look(catalog, {"vllm": f"{server.origin}/v1"})
    assert finding.state == "refused"
    assert "headworks providers add" in finding.remark


async def test_another_program_on_a_known_port_is_nothing(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", Reply(b"<html>"))
    assert await look(catalog, {"vllm": f"{server.origin}/v1"}) == ()


async def test_a_server_without_models(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", Reply({"data": None}))
    catalog.snapshot_now = known("ollama")
    (finding,) = await look(catalog, {"ollama": f"{server.origin}/v1"})
    assert finding.state == "empty"
    assert "ollama pull" in finding.remark
    assert catalog.withdrawn == ["ollama"]


async def test_a_key_that_may_use_no_model(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing())
    (finding,) = await look(catalog, {"groq": f"{server.origin}/v1"}, environment={"GROQ_API_KEY": "k"})
    assert (finding.state, catalog.offers) == ("empty", {})


async def test_an_address_that_is_none(catalog: FakeCatalog) -> None:
    (finding,) = await look(catalog, {"groq": "http://[::1"}, environment={"GROQ_API_KEY": "k"})
    assert "address" in finding.remark


async def test_well_known_names_where_the_list_cannot_be_had(catalog: FakeCatalog) -> None:
    (finding,) = await look(catalog, {"mistral": "http://127.0.0.1:1/v1"}, environment={"MISTRAL_API_KEY": "k"})
    assert finding.state == "assumed"
    assert finding.models == next(place.models for place in HOSTED if place.name == "mistral")
    assert "well-known names" in finding.remark


async def test_what_was_known_stays_where_the_list_cannot_be_had(catalog: FakeCatalog) -> None:
    catalog.snapshot_now = known("mistral")
    (finding,) = await look(catalog, {"mistral": "http://127.0.0.1:1/v1"}, environment={"MISTRAL_API_KEY": "k"})
    assert (finding.state, finding.offered) == ("unchanged", True)
    assert (catalog.offers, catalog.withdrawn) == ({}, [])


async def test_what_is_gone_is_taken_back(catalog: FakeCatalog) -> None:
    catalog.snapshot_now = known("ollama")
    assert await look(catalog, {"ollama": "http://127.0.0.1:1/v1"}) == ()
    assert catalog.withdrawn == ["ollama"]


async def test_somebodys_own_provider_stays_as_it_is(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing("m"))
    catalog.by_hand = frozenset({"ollama"})
    (finding,) = await look(catalog, {"ollama": f"{server.origin}/v1"})
    assert (finding.state, finding.models) == ("yours", ())


async def test_what_the_catalog_refuses_is_told(catalog: FakeCatalog, server: ScriptedServer) -> None:
    server.on("GET", "/v1/models", listing("m"))
    catalog.error = Invalid("base_url: belongs to a private network")
    (finding,) = await look(catalog, {"ollama": f"{server.origin}/v1"})
    assert (finding.state, finding.remark) == ("failed", "base_url: belongs to a private network")


async def test_forget_takes_everything_back(catalog: FakeCatalog) -> None:
    await forget(catalog, ORGANIZATION)
    assert frozenset(catalog.withdrawn) == NAMES


def test_models_that_are_offered_are_counted() -> None:
    good, bad = Finding("a", "A", "A_KEY", "listed", ("m", "n")), Finding("b", "B", "B_KEY", "yours", ("x",))
    assert Discovery((good, bad)).model_count == 2


def test_a_known_address_is_asked_as_it_wants() -> None:
    url, headers = list_request("https://api.anthropic.com/v1", "k")
    assert url == "https://api.anthropic.com/v1/models?limit=1000"
    assert headers == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    assert list_request("http://127.0.0.1:1/v1", "") == ("http://127.0.0.1:1/v1/models", {})
    assert list_request("http://127.0.0.1:1/v1", "k")[1] == {"authorization": "Bearer k"}
