"""The doctor's look at upstreams: whether each has its credential, and whether it can be reached from this machine.

It asks for the list of models, which costs nothing. A stored key cannot be read back, so it is not tried here; one that
the server takes from its environment is tried with this machine's, where that has the same variable.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headworks.bootstrap.discovery.listing import ListingFailed, Patience, list_models
from headworks.bootstrap.discovery.places import list_request
from headworks.entrypoints.cli.doctor.report import Check, fail, ok, warn
from headworks.entrypoints.cli.failures import Refused, Unreachable
from headworks.entrypoints.cli.nouns import PROVIDERS
from headworks.entrypoints.cli.records import Record, record, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headworks.entrypoints.cli.client import Client

_PATIENCE = Patience(connect=3.0, total=5.0)
_ENV = "env:"


def check_providers(client: Client, environment: Mapping[str, str]) -> list[Check]:
    """A check for each provider but the demo. `environment` holds what this machine may send to them."""
    try:
        providers = PROVIDERS.all(client)
    except (Refused, Unreachable) as failure:
        return [fail("providers", failure.message, failure.hint)]
    wanted = [provider for provider in providers if text(provider, "origin") != "builtin"]
    if not wanted:
        mend = "Add one: headworks providers add NAME --base-url URL --api-key-stdin"
        return [warn("providers", "there is none, so only the built-in demo answers.", mend)]
    return asyncio.run(_check_all(wanted, environment))


async def _check_all(providers: Sequence[Record], environment: Mapping[str, str]) -> list[Check]:
    return list(await asyncio.gather(*(_check(provider, environment) for provider in providers)))


async def _check(provider: Record, environment: Mapping[str, str]) -> Check:
    name = f"provider {text(provider, 'name')}"
    address = text(provider, "base_url")
    if problem := text(provider, "problem"):
        return fail(name, problem, "Mend that, or give the provider another credential.")
    key = _key(provider, environment)
    try:
        models = await list_models(*list_request(address, key), _PATIENCE)
    except ListingFailed as failure:
        return _not_listed(name, provider, address, failure, tried=bool(key))
    return ok(name, f"{address} answers and lists {len(models)} models.")


def _not_listed(name: str, provider: Record, address: str, failure: ListingFailed, *, tried: bool) -> Check:
    if failure.why == "absent":
        mend = "Check the address, and whether this machine may go there (firewall, proxy, name look-up)."
        return fail(name, f"{address} {failure.message}.", mend)
    if failure.why == "unusable":
        mend = "Usual for servers that do not list models; send a request to see whether it works."
        return warn(name, f"{address} answers, but has no list of models to give (it {failure.message}).", mend)
    if tried:
        return warn(
            name,
            f"{address} {failure.message} to the key in this machine's environment.",
            "If the server has the same key, replace it and start the server again.",
        )
    if record(provider.get("credential")):
        return ok(name, f"{address} answers; whether it takes the stored key, a request will show.")
    return fail(
        name, f"{address} wants a key ({failure.message}), and the provider has none.", "Add it again with a key."
    )


def _key(provider: Record, environment: Mapping[str, str]) -> str:
    """The key that the reference names, where this machine has it too; empty where it does not."""
    reference = text(record(provider.get("credential")), "reference")
    return environment.get(reference.removeprefix(_ENV), "").strip() if reference.startswith(_ENV) else ""
