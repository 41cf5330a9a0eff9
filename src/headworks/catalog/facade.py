"""The catalog's door for other contexts: routes and prices from memory, and what start-up puts in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.catalog import commands
from headworks.catalog.contracts import SHIPPED
from headworks.catalog.errors import CatalogUnavailable
from headworks.catalog.queries import views
from headworks.kernel.kept import Ages, Kept
from headworks.kernel.moments import micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from headworks.catalog.contracts import (
        CatalogChanged,
        NewPrice,
        Offer,
        Offered,
        Price,
        PriceBook,
        Route,
        Snapshot,
        VisibleModel,
    )
    from headworks.catalog.ports import Catalogs, Vault
    from headworks.catalog.settings import CatalogSettings
    from headworks.kernel.audit import Change

_MS = 1000


class CatalogFacade:
    """Belongs to one event loop, except for `changed`, which any thread may call."""

    def __init__(self, catalogs: Catalogs, vault: Vault, settings: CatalogSettings) -> None:
        self._catalogs = catalogs
        self._vault = vault
        self._private_networks = settings.private_networks
        self._ages = Ages(check=settings.check_seconds, hard=settings.hard_seconds)
        self._snapshots: dict[str, Kept[Snapshot]] = {}
        self._book = Kept(self._load_book, catalogs.price_revision, self._ages, CatalogUnavailable)

    def changed(self, event: CatalogChanged) -> None:
        """Forget what the event makes old. Subscribe it before whoever makes the engine ask again."""
        self._book.forget()
        for organization_id, kept in list(self._snapshots.items()):
            if event.organization_id in (None, organization_id):
                kept.forget()

    async def snapshot(self, organization_id: str) -> Snapshot:
        """All that the organisation can call. Raises CatalogUnavailable when the store and memory both fail."""
        kept = self._snapshots.get(organization_id)
        if kept is None:
            kept = self._snapshots[organization_id] = self._kept(organization_id)
        found, age = await kept.get()
        return replace(found, age_ms=int(age * _MS)) if age else found

    async def routes_for(self, organization_id: str, model: str) -> Route | None:
        """Where requests for a name go; None for a name that nobody offers. Raises CatalogUnavailable."""
        return (await self.snapshot(organization_id)).routes.get(model)

    async def visible_models(self, organization_id: str) -> tuple[VisibleModel, ...]:
        """What a list of models shows. Raises CatalogUnavailable."""
        return (await self.snapshot(organization_id)).visible

    async def price_book(self) -> PriceBook:
        """Every price, to be asked without waiting. Raises CatalogUnavailable."""
        return (await self._book.get())[0]

    async def price_for(self, provider_id: str, upstream_model: str, at: datetime) -> Price | None:
        """The price that holds at a moment, None where nobody set one. Raises CatalogUnavailable."""
        return (await self.price_book()).find(provider_id, upstream_model, micros(at))

    async def offer_provider(self, organization_id: str, offer: Offer) -> Offered:
        """Make the catalog match what discovery found; safe to repeat. Raises Invalid on a senseless offer."""
        async with self._catalogs.writing(organization_id) as store:
            return await commands.offer_provider(store, self._vault, offer, private_networks=self._private_networks)

    async def withdraw_provider(self, organization_id: str, name: str) -> bool:
        """Take back a discovered provider that is gone; False where somebody relies on it."""
        async with self._catalogs.writing(organization_id) as store:
            return await commands.withdraw_provider(store, name)

    async def offer_demo(self, organization_id: str) -> None:
        """Make sure that the built-in demo model is there."""
        async with self._catalogs.writing(organization_id) as store:
            await commands.offer_demo(store)

    async def load_shipped_prices(self, prices: Iterable[NewPrice]) -> int:
        """Add the shipped prices that are not there yet; returns how many."""
        async with self._catalogs.writing(SHIPPED) as store:
            return await commands.load_shipped_prices(store, prices)

    async def sealed_by(self) -> Mapping[str, int]:
        """How many stored credentials each key of the keyring seals, by the key's id. Raises DatabaseUnavailable."""
        total: Counter[str] = Counter()
        for counts in (await self._catalogs.sealed_by()).values():
            total.update(counts)
        return total

    async def reseal(self) -> int:
        """Seal every credential that another key sealed with the one that seals now; returns how many.

        One transaction for each organisation: cut short anywhere, it goes on when it is called again.
        """
        done = 0
        for organization_id, counts in (await self._catalogs.sealed_by()).items():
            if set(counts) != {self._vault.key_id}:
                async with self._catalogs.writing(organization_id) as store:
                    done += await commands.reseal_credentials(store, self._vault)
        return done

    async def note(self, change: Change) -> None:
        """An entry of the audit trail about what is the installation's, such as its keyring, and no organisation's."""
        async with self._catalogs.writing(SHIPPED) as store:
            store.audit(change)

    def _kept(self, organization_id: str) -> Kept[Snapshot]:
        async def load() -> tuple[int, Snapshot]:
            found = await views.organization_snapshot(
                self._catalogs, self._vault, organization_id, private_networks=self._private_networks
            )
            return found.revision, found

        async def revision() -> int:
            return await views.snapshot_revision(self._catalogs, organization_id)

        return Kept(load, revision, self._ages, CatalogUnavailable)

    async def _load_book(self) -> tuple[int, PriceBook]:
        book = await views.price_book(self._catalogs)
        return book.revision, book
