"""Set and remove prices, and load the ones that come with Headworks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.catalog.commands.deployments import find_provider
from headworks.catalog.contracts import Price
from headworks.catalog.domain import audited, names, prices
from headworks.catalog.errors import PriceNotFound, ShippedPrice
from headworks.kernel.audit import Change
from headworks.kernel.clock import now
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.versions import check_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.catalog.contracts import NewPrice
    from headworks.catalog.ports import CatalogStore

_LONGEST_SOURCE = 500


async def create_price(store: CatalogStore, wish: NewPrice) -> Price:
    """The price that held without an end until `valid_from` ends there.

    Usage that is recorded already keeps the cost that it was recorded with. Raises Invalid, UnknownProvider,
    PricesOverlap.
    """
    provider = await find_provider(store, wish.provider, "provider")
    price = _price(store, replace(wish, provider=provider.name))
    ended = prices.predecessor_to_end(price, _rivals(price, await store.prices()))
    if ended is not None:
        await store.end_price(ended.id, price.valid_from)
        store.audit(audited.price("ended", ended, replace(ended, valid_to=price.valid_from)))
    await store.add_prices([price])
    store.audit(audited.price("created", None, price))
    return price


async def remove_price(store: CatalogStore, price_id: str, expected: int | None = None) -> None:
    """Raises PriceNotFound, Stale, ShippedPrice."""
    price = await store.price(price_id)
    if price is None:
        raise PriceNotFound(price_id)
    check_version(expected, price.version)
    if price.owner != store.organization_id:
        raise ShippedPrice(price.model)
    await store.remove_price(price_id)
    store.audit(audited.price("removed", price, None))


async def load_shipped_prices(store: CatalogStore, shipped: Iterable[NewPrice]) -> int:
    """Add those that are not there yet, to the store of `SHIPPED`; returns how many. Safe to run at every start."""
    known = {(price.provider, price.model, price.valid_from): price for price in await store.prices()}
    added: list[Price] = []
    for wish in shipped:
        price = _price(store, wish)
        place = (price.provider, price.model, price.valid_from)
        if place in known:
            continue
        ended = prices.predecessor_to_end(price, _rivals(price, known.values()))
        if ended is not None:
            await store.end_price(ended.id, price.valid_from)
            known[(ended.provider, ended.model, ended.valid_from)] = replace(ended, valid_to=price.valid_from)
        known[place] = price
        added.append(price)
    if added:
        await store.add_prices(added)
        # One entry for all of them: they come with the version and are nobody's decision one by one.
        models = [f"{price.provider}/{price.model} from {price.valid_from.isoformat()}" for price in added]
        store.audit(Change("prices.shipped", "prices", store.organization_id, None, {"added": models}))
    return len(added)


def _price(store: CatalogStore, wish: NewPrice) -> Price:
    at = now()
    price = Price(
        id=new_id("prc"),
        owner=store.organization_id,
        provider=wish.provider,
        model=names.upstream_model(wish.upstream_model),
        rates=prices.complete(wish.rates),
        valid_from=wish.valid_from or at,
        valid_to=wish.valid_to,
        source=_source(wish.source),
        as_of=wish.as_of or at.date(),
        created_at=at,
    )
    prices.check_period(price.valid_from, price.valid_to)
    return price


def _rivals(price: Price, known: Iterable[Price]) -> list[Price]:
    return [other for other in known if _same_model(price, other)]


def _same_model(one: Price, other: Price) -> bool:
    return (one.owner, one.provider, one.model) == (other.owner, other.provider, other.model)


def _source(text: str) -> str:
    if len(text) > _LONGEST_SOURCE or not text.isprintable():
        raise Invalid.field("source", "malformed", f"must be printable text of at most {_LONGEST_SOURCE} characters")
    return text
