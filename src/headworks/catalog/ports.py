"""What the catalog needs from outside: a store that is bound to one organisation, and a vault for secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from headworks.catalog.contracts import Deployment, Model, Price, Provider
    from headworks.kernel.audit import Change
    from headworks.kernel.secrets import Secret


class CatalogReader(Protocol):
    """One consistent view of an organisation's catalog. Lists come in the order of their names."""

    @property
    def organization_id(self) -> str:
        """Whose catalog it is: an organisation's id, or one of `SHARED`."""

    async def revision(self) -> int:
        """Moves with every change of this catalog."""

    async def providers(self) -> list[Provider]:
        """Those in use, by name."""

    async def provider(self, provider_id: str) -> Provider | None:
        """By id."""

    async def provider_named(self, name: str) -> Provider | None:
        """By its exact name."""

    async def deployments(self, provider_id: str | None = None) -> list[Deployment]:
        """Of one provider or of all, by upstream model."""

    async def deployment(self, deployment_id: str) -> Deployment | None:
        """By id."""

    async def deployment_of(self, provider_id: str, upstream_model: str) -> Deployment | None:
        """A provider has one deployment of a model at most."""

    async def models(self) -> list[Model]:
        """By alias."""

    async def model(self, model_id: str) -> Model | None:
        """By id."""

    async def model_named(self, alias: str) -> Model | None:
        """By its exact alias."""

    async def prices(self) -> list[Price]:
        """The organisation's own and the shipped ones, by provider, model and `valid_from`."""

    async def price(self, price_id: str) -> Price | None:
        """By id; one of those that `prices` lists."""


class CatalogStore(CatalogReader, Protocol):
    """A transaction. What it wrote is committed, and `catalog.changed` announced, when its block ends well."""

    def audit(self, change: Change) -> None:
        """Write `change` to the audit trail, in this transaction."""

    async def add_provider(self, provider: Provider) -> None:
        """Raises NameTaken."""

    async def change_provider(self, provider: Provider) -> None:
        """Put `provider` in the place of the one with its id. Raises Stale unless that is one version older."""

    async def retire_provider(self, provider_id: str, at: datetime) -> None:
        """Remove it and its credential; its name stays known, so that usage which arrives late is still priced."""

    async def add_deployments(self, deployments: Sequence[Deployment]) -> None:
        """Raises NameTaken when the provider has a deployment of that model."""

    async def change_deployment(self, deployment: Deployment) -> None:
        """Put `deployment` in the place of the one with its id. Raises Stale unless that is one version older."""

    async def remove_deployments(self, deployment_ids: Iterable[str]) -> None:
        """Those that no model has as a target."""

    async def add_model(self, model: Model) -> None:
        """Raises NameTaken."""

    async def change_model(self, model: Model) -> None:
        """Put `model` and its targets in the place of the one with its id. Raises Stale as above."""

    async def remove_model(self, model_id: str) -> None:
        """With its targets."""

    async def add_prices(self, prices: Sequence[Price]) -> None:
        """Raises NameTaken when one begins at the same moment as another of its model."""

    async def end_price(self, price_id: str, valid_to: datetime) -> None:
        """Let a price of this catalog hold until `valid_to`."""

    async def remove_price(self, price_id: str) -> None:
        """One of this catalog."""


class Catalogs(Protocol):
    """The door to the store. An organisation must be named.

    Nothing reads across tenants but `price_history`, and `sealed_by`, which only counts.
    """

    def reading(self, organization_id: str) -> AbstractAsyncContextManager[CatalogReader]:
        """All that the block reads is of one moment. Raises DatabaseUnavailable."""

    def writing(self, organization_id: str) -> AbstractAsyncContextManager[CatalogStore]:
        """One transaction. Raises DatabaseUnavailable."""

    async def revision(self, organization_id: str) -> int:
        """What `CatalogReader.revision` says, without opening a view: the cheapest question there is."""

    async def sealed_by(self) -> Mapping[str, Mapping[str, int]]:
        """Organisation → id of a key → how many stored credentials it seals: for a rotation, of every organisation."""

    async def price_history(self) -> tuple[int, Sequence[Price], Sequence[PricedProvider]]:
        """Every owner's prices and every provider there ever was, at one revision, for rating usage."""

    async def price_revision(self) -> int:
        """What `price_history` gives first, alone."""


class PricedProvider(Protocol):
    """As much of a provider, present or retired, as finding its prices takes."""

    @property
    def id(self) -> str:
        """What usage records call it by."""

    @property
    def organization_id(self) -> str:
        """Whose prices come first."""

    @property
    def name(self) -> str:
        """What those prices call it by."""

    @property
    def base_url(self) -> str:
        """Which tells whose list prices hold."""


class Vault(Protocol):
    """Keeps secrets sealed at rest, and finds those that live elsewhere."""

    def seal(self, secret: Secret, provider: Provider, version: int) -> str:
        """Ciphertext that opens only as this organisation's, this provider's and this version's credential."""

    @property
    def key_id(self) -> str:
        """Of the key that seals now."""

    def reseal(self, provider: Provider) -> str | None:
        """Its ciphertext under the key that seals now; None where it is so already, or nothing is sealed.

        Raises CredentialUnreadable.
        """

    def open(self, provider: Provider) -> Secret | None:
        """The provider's credential; None where it has none. Raises CredentialUnreadable, saying how to mend it."""
