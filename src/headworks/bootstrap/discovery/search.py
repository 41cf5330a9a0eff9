"""Looking in every place at once, and offering to the catalog what is there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from headworks.bootstrap.discovery.findings import Discovery, Finding
from headworks.bootstrap.discovery.listing import ListingFailed, Patience, list_models
from headworks.bootstrap.discovery.places import HOSTED, LOCAL, NAMES, Hosted, Local
from headworks.catalog.contracts import Offer
from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headworks.catalog.contracts import Offered, Snapshot

_HOSTED_PATIENCE = Patience(connect=3.0, total=3.0)
_LOCAL_PATIENCE = Patience(connect=0.5, total=2.0)
_OUR_KEYS = "hw_"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Catalog(Protocol):
    """As much of the catalog's facade as discovery needs."""

    async def offer_provider(self, organization_id: str, offer: Offer) -> Offered:
        """Make the catalog match the offer."""

    async def withdraw_provider(self, organization_id: str, name: str) -> bool:
        """Take back a discovered provider, unless somebody relies on it."""

    async def snapshot(self, organization_id: str) -> Snapshot:
        """What can be called now."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where this installation is, as far as discovery must know."""

    environment: Mapping[str, str]
    own_port: int
    """Where we listen ourselves: what answers there is no discovery."""
    addresses: Mapping[str, str]
    """Base URLs by place, instead of those that `places` has; an empty one turns a place off."""


async def discover(catalog: Catalog, organization_id: str, surroundings: Surroundings) -> Discovery:
    """Look everywhere, offer what is there, and take back what an earlier start found and this one did not.

    It ends within a few seconds whatever the places do, and fails only if the catalog cannot be read.
    """
    known = _discovered_before(await catalog.snapshot(organization_id))
    search = _Search(catalog, organization_id, surroundings, known)
    found = await asyncio.gather(*map(search.hosted, HOSTED), *map(search.local, LOCAL))
    return Discovery(tuple(finding for finding in found if finding is not None))


async def forget(catalog: Catalog, organization_id: str) -> None:
    """Take back everything that earlier starts found, except what an alias relies on."""
    for name in sorted(NAMES):
        await catalog.withdraw_provider(organization_id, name)


class _Search:
    """One look at every place."""

    def __init__(
        self, catalog: Catalog, organization_id: str, surroundings: Surroundings, known: frozenset[str]
    ) -> None:
        self._catalog = catalog
        self._organization_id = organization_id
        self._at = surroundings
        self._known = known

    async def hosted(self, place: Hosted) -> Finding | None:
        """A provider whose key is in the environment."""
        key = self._at.environment.get(place.key_variable, "").strip()
        base_url = self._address(place)
        if not key or not base_url:
            await self._gone(place)
            return None
        if key.startswith(_OUR_KEYS) or self._is_us(base_url):
            remark = f"{place.key_variable} is for Headworks itself, as its clients have it"
            return Finding(place.name, place.title, place.key_variable, "skipped", remark=remark)
        offer = Offer(place.name, "openai", base_url, f"env:{place.key_variable}", ())
        try:
            listed = await list_models(*place.list_request(base_url, key), _HOSTED_PATIENCE)
        except ListingFailed as failure:
            return await self._not_listed(place, offer, failure)
        if not listed:
            remark = "its list of models is empty for this key"
            return Finding(place.name, place.title, place.key_variable, "empty", remark=remark)
        names = [name.removeprefix(place.prefix) for name in listed]
        return await self._offer(place, place.key_variable, offer, _preferred_first(place, names))

    async def local(self, place: Local) -> Finding | None:
        """A model server that listens on this machine."""
        base_url = self._address(place)
        if not base_url or self._is_us(base_url):
            await self._gone(place)
            return None
        offer = Offer(place.name, "openai", base_url, None, ())
        try:
            listed = await list_models(f"{base_url}/models", {}, _LOCAL_PATIENCE)
        except ListingFailed as failure:
            if failure.why != "refused":
                await self._gone(place)
                return None
            remark = (
                f"it wants a key: headworks providers add my-{place.name} --dialect openai --base-url {base_url} "
                "--api-key-stdin"
            )
            return Finding(place.name, place.title, base_url, "refused", remark=remark)
        if not listed:
            await self._gone(place)
            remark = f"it has no models: {place.when_empty}"
            return Finding(place.name, place.title, base_url, "empty", remark=remark)
        return await self._offer(place, base_url, offer, listed)

    async def _not_listed(self, place: Hosted, offer: Offer, failure: ListingFailed) -> Finding:
        """A provider that is configured and did not say what it has."""
        if failure.why == "refused":
            remark = f"it does not take the key in {place.key_variable} (it {failure.message})"
            return Finding(place.name, place.title, place.key_variable, "refused", remark=remark)
        remark = f"its list of models could not be had: it {failure.message}"
        if place.name in self._known:
            remark += "; what an earlier start found stays"
            return Finding(place.name, place.title, place.key_variable, "unchanged", remark=remark)
        found = await self._offer(place, place.key_variable, offer, place.models)
        if found.state != "listed":
            return found
        remark += "; well-known names are offered instead"
        return Finding(place.name, place.title, place.key_variable, "assumed", found.models, remark)

    async def _offer(self, place: Hosted | Local, source: str, offer: Offer, models: Iterable[str]) -> Finding:
        wanted = tuple(models)
        offer = Offer(offer.name, offer.dialect, offer.base_url, offer.credential_reference, wanted)
        try:
            offered = await self._catalog.offer_provider(self._organization_id, offer)
        except HeadworksError as error:
            return Finding(place.name, place.title, source, "failed", remark=error.message)
        if offered.kept:
            remark = f"the provider {place.name!r} was added by hand and stays as it is"
            return Finding(place.name, place.title, source, "yours", remark=remark)
        skipped = frozenset(offered.skipped)
        return Finding(
            place.name, place.title, source, "listed", tuple(model for model in wanted if model not in skipped)
        )

    async def _gone(self, place: Hosted | Local) -> None:
        """What an earlier start found there is not there now."""
        if place.name in self._known:
            await self._catalog.withdraw_provider(self._organization_id, place.name)

    def _address(self, place: Hosted | Local) -> str:
        moved = self._at.addresses.get(place.name)
        if moved is None and isinstance(place, Hosted) and place.url_variable is not None:
            elsewhere = self._at.environment.get(place.url_variable, "").strip().rstrip("/")
            moved = f"{elsewhere}{place.url_suffix}" if elsewhere else None
        return (place.base_url if moved is None else moved).rstrip("/")

    def _is_us(self, base_url: str) -> bool:
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError:
            return False
        return parts.hostname in _LOOPBACK and port == self._at.own_port


def _discovered_before(snapshot: Snapshot) -> frozenset[str]:
    """Names of providers that earlier starts found: each of their deployments can be called as `provider/model`."""
    discovered = {model.id for model in snapshot.visible if model.origin == "discovered"}
    return frozenset(
        name.partition("/")[0]
        for name, route in snapshot.routes.items()
        if any(target.deployment_id in discovered for target in route.targets)
    )


def _preferred_first(place: Hosted, listed: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(listed))
    first = [name for name in place.models if name in names]
    return first + [name for name in names if name not in first]
