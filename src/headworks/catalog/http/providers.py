"""Providers over HTTP. Secrets go in and never come out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Request
from pydantic import Field, StrictBool

from headworks.catalog import commands
from headworks.catalog.contracts import Origin, Provider
from headworks.catalog.errors import (
    BuiltIn,
    CredentialUnreadable,
    InUse,
    NameTaken,
    ProviderNotFound,
)
from headworks.catalog.http.chosen import ChosenCatalog
from headworks.catalog.http.shapes import PROVIDER_NAME
from headworks.catalog.ports import Vault
from headworks.catalog.queries import resources
from headworks.catalog.settings import CatalogSettings
from headworks.dataplane.flow import Dialect
from headworks.kernel.pagination import PageRequest, page_of
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import ReferenceNotAllowed, Secret
from headworks.kernel.web import (
    Envelope,
    IfMatch,
    PageEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    envelope,
    page_envelope,
    paged,
    provided,
    raises,
    require,
)

router = Router("/providers")

_Vault = Annotated[Vault, provided(Vault)]
_Settings = Annotated[CatalogSettings, provided(CatalogSettings)]
_Paging = Annotated[
    PageRequest, paged("name", name=str, dialect=str, origin=str, created_at=datetime, updated_at=datetime)
]
_Reader = Annotated[Principal, require("providers:read")]
_Writer = Annotated[Principal, require("providers:write")]


class NewProviderIn(StrictModel):
    """A provider to add, with at most one of `api_key` and `credential_reference`."""

    name: str = Field(json_schema_extra=PROVIDER_NAME, examples=["openai"])
    base_url: str = Field(examples=["https://api.openai.com/v1"])
    dialect: Literal["openai"] = "openai"
    api_key: Secret | None = None
    credential_reference: str | None = None


class ProviderChangesIn(StrictModel):
    """What is to be different; what is left out stays."""

    base_url: str | None = None
    api_key: Secret | None = None
    credential_reference: str | None = None
    remove_credential: StrictBool = False


class CredentialOut(ResponseModel):
    """How a credential is kept: sealed in the database, or as a reference."""

    kind: Literal["sealed", "reference"]
    last4: str | None
    reference: str | None


class ProviderOut(Versioned):
    """A provider."""

    name: str
    dialect: Dialect
    base_url: str
    credential: CredentialOut | None
    origin: Origin
    problem: str | None
    """Why it cannot be used at the moment, such as an environment variable that is not set."""
    created_at: Timestamp
    updated_at: Timestamp


@router.get("")
async def list_providers(
    request: Request, principal: _Reader, catalog: ChosenCatalog, vault: _Vault, paging: _Paging
) -> PageEnvelope[ProviderOut]:
    """Every provider, by name."""
    async with catalog.reading(principal) as store:
        page = page_of(await store.providers(), paging)
    return page_envelope(page.map(lambda provider: _out(provider, vault)), request)


@router.post("", status_code=201, dependencies=[raises(NameTaken, ReferenceNotAllowed)])
async def create_provider(
    request: Request,
    principal: _Writer,
    catalog: ChosenCatalog,
    vault: _Vault,
    settings: _Settings,
    body: NewProviderIn,
) -> Envelope[ProviderOut]:
    """Add a provider. Its models are added with `/deployments` or `/models`."""
    _check_reference(principal, body.credential_reference)
    wish = commands.NewProvider(**dict(body))
    async with catalog.writing(principal) as store:
        provider = await commands.create_provider(
            store, vault, wish, private_networks=_may_be_private(principal, settings)
        )
        return envelope(_out(provider, vault), request)


@router.get("/{provider}", dependencies=[raises(ProviderNotFound)])
async def show_provider(
    request: Request, principal: _Reader, catalog: ChosenCatalog, vault: _Vault, provider: str
) -> Envelope[ProviderOut]:
    """One provider, by id or name."""
    async with catalog.reading(principal) as store:
        found = await resources.provider(store, provider)
    return envelope(_out(found, vault), request)


@router.patch("/{provider}", dependencies=[raises(ProviderNotFound, BuiltIn, ReferenceNotAllowed)])
async def change_provider(
    request: Request,
    principal: _Writer,
    catalog: ChosenCatalog,
    vault: _Vault,
    settings: _Settings,
    provider: str,
    body: ProviderChangesIn,
    if_match: IfMatch,
) -> Envelope[ProviderOut]:
    """Move a provider, or give it another credential. A discovered one is no longer changed by discovery then."""
    _check_reference(principal, body.credential_reference)
    async with catalog.writing(principal) as store:
        found = await resources.provider(store, provider)
        wish = commands.ProviderChanges(**dict(body), expected_version=if_match.expects(found.id))
        changed = await commands.change_provider(
            store, vault, found.id, wish, private_networks=_may_be_private(principal, settings)
        )
    return envelope(_out(changed, vault), request)


@router.delete("/{provider}", status_code=204, dependencies=[raises(ProviderNotFound, BuiltIn, InUse)])
async def remove_provider(principal: _Writer, catalog: ChosenCatalog, provider: str, if_match: IfMatch) -> None:
    """Remove a provider and its deployments, unless a model needs one of them."""
    async with catalog.writing(principal) as store:
        found = await resources.provider(store, provider)
        await commands.remove_provider(store, found.id, if_match.expects(found.id))


def _check_reference(principal: Principal, reference: str | None) -> None:
    """A reference reads the server's environment and files, which are the operator's, and sends what it finds away."""
    if reference is not None and not principal.may("installation:operate"):
        raise ReferenceNotAllowed


def _may_be_private(principal: Principal, settings: CatalogSettings) -> bool:
    """What is on the server's own networks is the operator's: nobody else points a provider there."""
    return settings.private_networks and principal.may("installation:operate")


def _out(provider: Provider, vault: Vault) -> ProviderOut:
    credential = provider.credential
    return ProviderOut(
        id=provider.id,
        version=provider.version,
        name=provider.name,
        dialect=provider.dialect,
        base_url=provider.base_url,
        credential=CredentialOut.model_validate(credential) if credential else None,
        origin=provider.origin,
        problem=_problem(provider, vault),
        created_at=provider.created_at,
        updated_at=provider.updated_at,
    )


def _problem(provider: Provider, vault: Vault) -> str | None:
    try:
        vault.open(provider)
    except CredentialUnreadable as error:
        return error.message
    return None
