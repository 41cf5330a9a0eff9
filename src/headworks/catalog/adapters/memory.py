"""The catalog in memory: the twin of `sql` for tests. One contract suite runs on both."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from headworks.catalog.contracts import SHARED, SHIPPED, CatalogChanged
from headworks.catalog.errors import NameTaken
from headworks.kernel.errors import Stale
from headworks.kernel.idempotency import due
from headworks.kernel.secrets import key_id_of
from headworks.kernel.trail import MemoryTrail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from headworks.catalog.contracts import Deployment, Model, Price, Provider
    from headworks.kernel.audit import Change
    from headworks.kernel.events import Publish

OwnedT = TypeVar("OwnedT", "Provider", "Deployment", "Model")
KeptT = TypeVar("KeptT", "Provider", "Deployment", "Model", "Price")


@dataclass
class _State:
    providers: dict[str, Provider] = field(default_factory=dict)
    retired: dict[str, Provider] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    trail: MemoryTrail = field(default_factory=lambda: MemoryTrail("catalog"))

    def copied(self) -> _State:
        things = {name: copy(thing) for name, thing in vars(self).items() if name != "trail"}
        return _State(**things, trail=self.trail.copy())


class MemoryCatalogs:
    """The port `Catalogs`. A transaction works on a copy, which takes the place of the original when it ends well."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._state = _State()
        self._writing = asyncio.Lock()

    @property
    def trail(self) -> MemoryTrail:
        """The audit trail as it is now."""
        return self._state.trail

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[MemoryReader]:
        """A view that later changes do not reach."""
        yield MemoryReader(self._state.copied(), organization_id)

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[MemoryStore]:
        """One writer at a time."""
        async with self._writing:
            store = MemoryStore(self._state.copied(), organization_id)
            yield store
            due()
            if store.changed:
                revisions = store.state.revisions
                revisions[organization_id] = revisions.get(organization_id, 0) + 1
            store.state.trail.append(store.changes, "" if organization_id in SHARED else organization_id)
            self._state = store.state
        if store.changed:
            self._publish(CatalogChanged(None if organization_id in SHARED else organization_id))

    async def revision(self, organization_id: str) -> int:
        """0 for a catalog that nobody has written to."""
        return self._state.revisions.get(organization_id, 0)

    async def price_revision(self) -> int:
        """The sum of all revisions, which only rise."""
        return sum(self._state.revisions.values())

    async def sealed_by(self) -> dict[str, Counter[str]]:
        """Of those in use: a retired one has no credential."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for provider in self._state.providers.values():
            if provider.credential is not None and provider.credential.sealed is not None:
                found[provider.organization_id][key_id_of(provider.credential.sealed)] += 1
        return found

    async def price_history(self) -> tuple[int, list[Price], list[Provider]]:
        """Everybody's."""
        state = self._state
        providers = [*state.providers.values(), *state.retired.values()]
        return await self.price_revision(), list(state.prices.values()), providers


class MemoryReader:
    """The port `CatalogReader`."""

    def __init__(self, state: _State, organization_id: str) -> None:
        self.state = state
        self.organization_id = organization_id

    async def revision(self) -> int:
        """0 for a catalog that nobody has written to."""
        return self.state.revisions.get(self.organization_id, 0)

    async def providers(self) -> list[Provider]:
        """By name."""
        return sorted(self._mine(self.state.providers), key=lambda one: one.name)

    async def provider(self, provider_id: str) -> Provider | None:
        """By id."""
        return next((one for one in await self.providers() if one.id == provider_id), None)

    async def provider_named(self, name: str) -> Provider | None:
        """By name."""
        return next((one for one in await self.providers() if one.name == name), None)

    async def deployments(self, provider_id: str | None = None) -> list[Deployment]:
        """By upstream model, then age."""
        found = [one for one in self._mine(self.state.deployments) if provider_id in (None, one.provider_id)]
        return sorted(found, key=lambda one: (one.upstream_model, one.id))

    async def deployment(self, deployment_id: str) -> Deployment | None:
        """By id."""
        return next((one for one in await self.deployments() if one.id == deployment_id), None)

    async def deployment_of(self, provider_id: str, upstream_model: str) -> Deployment | None:
        """By provider and upstream model."""
        found = await self.deployments(provider_id)
        return next((one for one in found if one.upstream_model == upstream_model), None)

    async def models(self) -> list[Model]:
        """By alias."""
        return sorted(self._mine(self.state.models), key=lambda one: one.alias)

    async def model(self, model_id: str) -> Model | None:
        """By id."""
        return next((one for one in await self.models() if one.id == model_id), None)

    async def model_named(self, alias: str) -> Model | None:
        """By alias."""
        return next((one for one in await self.models() if one.alias == alias), None)

    async def prices(self) -> list[Price]:
        """By provider, model and `valid_from`."""
        found = [one for one in self.state.prices.values() if one.owner in (SHIPPED, self.organization_id)]
        return sorted(found, key=lambda one: (one.provider, one.model, one.valid_from, one.owner))

    async def price(self, price_id: str) -> Price | None:
        """By id."""
        return next((one for one in await self.prices() if one.id == price_id), None)

    def _mine(self, things: dict[str, OwnedT]) -> list[OwnedT]:
        return [one for one in things.values() if one.organization_id == self.organization_id]


class MemoryStore(MemoryReader):
    """The port `CatalogStore`."""

    def __init__(self, state: _State, organization_id: str) -> None:
        super().__init__(state, organization_id)
        self.changed = False
        self.changes: list[Change] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    async def add_provider(self, provider: Provider) -> None:
        """Raises NameTaken."""
        if await self.provider_named(provider.name):
            raise NameTaken("name", "taken")
        self._put(self.state.providers, provider)

    async def change_provider(self, provider: Provider) -> None:
        """By its id."""
        self._replace(self.state.providers, provider)

    async def retire_provider(self, provider_id: str, at: datetime) -> None:
        """Keep the name and address for rating; forget the credential."""
        gone = self.state.providers.pop(provider_id)
        self.state.retired[provider_id] = replace(gone, credential=None, updated_at=at)
        self.changed = True

    async def add_deployments(self, deployments: Sequence[Deployment]) -> None:
        """Raises NameTaken."""
        for one in deployments:
            if await self.deployment_of(one.provider_id, one.upstream_model):
                raise NameTaken("upstream_model", "taken")
            self._put(self.state.deployments, one)

    async def change_deployment(self, deployment: Deployment) -> None:
        """By its id."""
        self._replace(self.state.deployments, deployment)

    async def remove_deployments(self, deployment_ids: Iterable[str]) -> None:
        """Those that are there."""
        for deployment_id in deployment_ids:
            del self.state.deployments[deployment_id]
            self.changed = True

    async def add_model(self, model: Model) -> None:
        """Raises NameTaken."""
        if await self.model_named(model.alias):
            raise NameTaken("alias", "taken")
        self._put(self.state.models, model)

    async def change_model(self, model: Model) -> None:
        """By its id."""
        self._replace(self.state.models, model)

    async def remove_model(self, model_id: str) -> None:
        """With its targets."""
        del self.state.models[model_id]
        self.changed = True

    async def add_prices(self, prices: Sequence[Price]) -> None:
        """Raises NameTaken when one begins at the same moment as another of its model."""
        for price in prices:
            place = (price.owner, price.provider, price.model, price.valid_from)
            if any(place == (one.owner, one.provider, one.model, one.valid_from) for one in await self.prices()):
                raise NameTaken("valid_from", "taken")
            self._put(self.state.prices, price)

    async def end_price(self, price_id: str, valid_to: datetime) -> None:
        """From then on another holds."""
        price = self.state.prices[price_id]
        self._put(self.state.prices, replace(price, valid_to=valid_to, version=price.version + 1))

    async def remove_price(self, price_id: str) -> None:
        """One of this catalog."""
        del self.state.prices[price_id]
        self.changed = True

    def _replace(self, things: dict[str, OwnedT], thing: OwnedT) -> None:
        before = things.get(thing.id)
        if before is None or before.version != thing.version - 1:
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )
        self._put(things, thing)

    def _put(self, things: dict[str, KeptT], thing: KeptT) -> None:
        things[thing.id] = thing
        self.changed = True
