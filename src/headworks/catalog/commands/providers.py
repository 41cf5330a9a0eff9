"""Add, change and remove providers. A secret goes into the vault here and comes out only for the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.catalog.contracts import Origin, Provider, StoredCredential
from headworks.catalog.domain import addresses, audited, credentials, names
from headworks.catalog.errors import BuiltIn, InUse, NameTaken, ProviderNotFound
from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.secrets import parse_reference
from headworks.kernel.versions import check_version

if TYPE_CHECKING:
    from headworks.catalog.ports import CatalogStore, Vault
    from headworks.dataplane.flow import Dialect
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider as somebody wrote it down. At most one of `api_key` and `credential_reference` is given."""

    name: str
    base_url: str
    dialect: Dialect = "openai"
    api_key: Secret | None = None
    credential_reference: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderChanges:
    """What is to be different; None leaves a field as it is. The name stays: prices and callers know it."""

    base_url: str | None = None
    api_key: Secret | None = None
    credential_reference: str | None = None
    remove_credential: bool = False
    expected_version: int | None = None


async def create_provider(
    store: CatalogStore,
    vault: Vault,
    wish: NewProvider,
    *,
    private_networks: bool,
    origin: Origin = "manual",
) -> Provider:
    """`private_networks`: whether this caller may give it a loopback or private address.

    Raises Invalid on what cannot be, NameTaken when the organisation has a provider of this name.
    """
    name = names.provider_name(wish.name)
    base_url = addresses.base_url(wish.base_url, private_networks=private_networks)
    if await store.provider_named(name):
        raise NameTaken("name", f"there is a provider {name!r} already; change it, or choose another name")
    at = now()
    provider = Provider(
        id=new_id("prv"),
        organization_id=store.organization_id,
        name=name,
        dialect=wish.dialect,
        base_url=base_url,
        credential=None,
        origin=origin,
        created_at=at,
        updated_at=at,
        private_network=private_networks,
    )
    credential = _credential(vault, provider, wish.api_key, wish.credential_reference)
    provider = replace(provider, credential=credential)
    await store.add_provider(provider)
    store.audit(audited.provider("created", None, provider))
    return provider


async def change_provider(
    store: CatalogStore, vault: Vault, provider_id: str, wish: ProviderChanges, *, private_networks: bool
) -> Provider:
    """Raises ProviderNotFound, BuiltIn, Stale, Invalid."""
    before = await _own(store, provider_id, wish.expected_version)
    provider = before
    if wish.base_url is not None:
        base_url = addresses.base_url(wish.base_url, private_networks=private_networks)
        provider = replace(_moved(provider, base_url, wish), private_network=private_networks)
    if wish.remove_credential:
        if wish.api_key is not None or wish.credential_reference is not None:
            raise Invalid.field("remove_credential", "contradiction", "cannot go with a new credential")
        provider = replace(provider, credential=None)
    elif credential := _credential(vault, provider, wish.api_key, wish.credential_reference):
        provider = replace(provider, credential=credential)
    provider = replace(provider, origin="manual", updated_at=now(), version=provider.version + 1)
    await store.change_provider(provider)
    store.audit(audited.provider("changed", before, provider))
    return provider


async def remove_provider(store: CatalogStore, provider_id: str, expected: int | None = None) -> None:
    """Removes its deployments with it. Raises ProviderNotFound, BuiltIn, Stale, and InUse while a model needs it."""
    provider = await _own(store, provider_id, expected)
    found = await store.deployments(provider_id)
    deployments = {deployment.id for deployment in found}
    users = [
        model.alias
        for model in await store.models()
        if any(target.deployment_id in deployments for target in model.targets)
    ]
    if users:
        raise InUse(f"provider {provider.name!r}", users)
    await store.remove_deployments(deployments)
    await store.retire_provider(provider_id, now())
    for deployment in found:
        store.audit(audited.deployment("removed", deployment, None))
    store.audit(audited.provider("removed", provider, None))


async def _own(store: CatalogStore, provider_id: str, expected: int | None) -> Provider:
    provider = await store.provider(provider_id)
    if provider is None:
        raise ProviderNotFound(provider_id)
    check_version(expected, provider.version)
    if provider.origin == "builtin":
        raise BuiltIn("provider", provider.name)
    return provider


def _moved(provider: Provider, base_url: str, wish: ProviderChanges) -> Provider:
    """A sealed secret never goes to another host than the one it was given for, unless it is given again."""
    credential = provider.credential
    keeps_secret = credential is not None and wish.api_key is None and wish.credential_reference is None
    if keeps_secret and not wish.remove_credential and not addresses.same_origin(provider.base_url, base_url):
        raise Invalid.field(
            "base_url", "credential_missing", "is of another server; give the credential again with it, or remove it"
        )
    return replace(provider, base_url=base_url)


def _credential(
    vault: Vault, provider: Provider, api_key: Secret | None, reference: str | None
) -> StoredCredential | None:
    if api_key is not None and reference is not None:
        raise Invalid.field("credential_reference", "contradiction", "cannot go with api_key; give one of them")
    version = provider.credential.version + 1 if provider.credential else 1
    if reference is not None:
        parse_reference(reference, "credential_reference")
        return StoredCredential("reference", version, reference=reference)
    if api_key is None:
        return None
    credentials.check_api_key(api_key)
    sealed = vault.seal(api_key, provider, version)
    return StoredCredential("sealed", version, sealed=sealed, last4=credentials.last4(api_key))
