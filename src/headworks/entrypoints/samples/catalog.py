"""Providers, deployments, models and prices: those of the installation, which the mock provider answers, and each company's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.entrypoints.cli.nouns import DEPLOYMENTS, MODELS, PRICES, PROVIDERS
from headworks.entrypoints.samples.plan import FAST, FLAKY, LARGE, PROVIDER, STEADY

if TYPE_CHECKING:
    from headworks.client.shapes import RatesIn, TargetIn
    from headworks.entrypoints.cli.client import Client

_SMALL, _BIG, _BAD = "mock:tokens=40", "mock:tokens=180,cached=8", "mock:status=503"
_MODELS: dict[str, tuple[TargetIn, ...]] = {
    FAST: ({"provider": PROVIDER, "upstream_model": _SMALL},),
    LARGE: ({"provider": PROVIDER, "upstream_model": _BIG},),
    STEADY: (
        {"provider": PROVIDER, "upstream_model": _SMALL, "weight": 9},
        {"provider": PROVIDER, "upstream_model": _BIG, "weight": 1},
    ),
    FLAKY: ({"provider": PROVIDER, "upstream_model": _BAD},),
}
_PRICES: dict[str, RatesIn] = {
    _SMALL: {"input": 150_000_000, "output": 600_000_000},
    _BIG: {"input": 2_500_000_000, "cache_read": 1_250_000_000, "output": 10_000_000_000},
    _BAD: {"input": 150_000_000, "output": 600_000_000},
}


def for_everybody(client: Client, base_url: str) -> None:
    """What the whole installation uses. The mock provider may have moved since."""
    there = {one["name"]: one for one in PROVIDERS.all(client, owner="installation")}
    if PROVIDER not in there:
        client.api.create_provider({"name": PROVIDER, "base_url": base_url}, owner="installation")
    elif there[PROVIDER]["base_url"] != base_url:
        client.api.change_provider(PROVIDER, {"base_url": base_url}, owner="installation")
    named = {one["alias"] for one in MODELS.all(client, owner="installation")}
    for alias, targets in _MODELS.items():
        if alias not in named:
            client.api.create_model({"alias": alias, "targets": list(targets)}, owner="installation")
    priced = {one["upstream_model"] for one in PRICES.all(client, owner="installation", provider=PROVIDER)}
    for model, rates in _PRICES.items():
        if model not in priced:
            price = {"provider": PROVIDER, "upstream_model": model, "rates": rates}
            client.api.create_price(price, owner="installation")  # type: ignore[arg-type] # a TypedDict, made of a dict


def of_a_company(client: Client, base_url: str) -> None:
    """Its own: one with a key, one whose key is not there, a model, and a deployment that is out of service."""
    there = {one["name"] for one in PROVIDERS.all(client)}
    if "own-account" not in there:
        key = "sample-key-that-opens-nothing"
        client.api.create_provider({"name": "own-account", "base_url": base_url, "api_key": key})
    if "not-yet-set-up" not in there:
        reference = "env:SAMPLE_KEY_THAT_IS_NOT_SET"
        wish = {"name": "not-yet-set-up", "base_url": "https://api.openai.com/v1", "credential_reference": reference}
        client.api.create_provider(wish)  # type: ignore[arg-type] # as above
    if "house-model" not in {one["alias"] for one in MODELS.all(client)}:
        client.api.create_model(
            {"alias": "house-model", "targets": [{"provider": "own-account", "upstream_model": _SMALL}]}
        )
    if "mock:tokens=7" not in {one["upstream_model"] for one in DEPLOYMENTS.all(client, provider="own-account")}:
        client.api.create_deployment({"provider": "own-account", "upstream_model": "mock:tokens=7", "enabled": False})
    if not PRICES.all(client, provider="own-account"):
        client.api.create_price(
            {"provider": "own-account", "upstream_model": _SMALL, "rates": _PRICES[_SMALL], "source": "our contract"}
        )
