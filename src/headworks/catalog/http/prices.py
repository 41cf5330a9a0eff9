"""The price book over HTTP. Rates are integers: nanodollars per million units."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field

from headworks.catalog import commands
from headworks.catalog.contracts import SHIPPED, NewPrice, Price
from headworks.catalog.errors import NameTaken, PriceNotFound, PricesOverlap, ShippedPrice, UnknownProvider
from headworks.catalog.http.chosen import ChosenCatalog
from headworks.catalog.http.shapes import RATE
from headworks.catalog.queries import resources
from headworks.kernel.pagination import PageRequest, page_of
from headworks.kernel.principal import Principal
from headworks.kernel.web import (
    Day,
    Envelope,
    IfMatch,
    PageEnvelope,
    ResponseModel,
    Router,
    StrictModel,
    Timestamp,
    Versioned,
    Whole,
    envelope,
    page_envelope,
    paged,
    raises,
    require,
)

router = Router("/prices")

_Paging = Annotated[
    PageRequest,
    paged(
        "provider,upstream_model,valid_from", provider=str, upstream_model=str, valid_from=datetime, created_at=datetime
    ),
]
_Reader = Annotated[Principal, require("prices:read")]
_Writer = Annotated[Principal, require("prices:write")]


class RatesIn(StrictModel):
    """Nanodollars per million units of each bucket of usage; a dollar is 1000000000.

    What is left out follows from what it belongs to: cached, audio and image input costs as input does, reasoning and
    audio output as output does; the rest costs nothing.
    """

    input: Whole | None = Field(None, json_schema_extra=RATE)
    cache_read: Whole | None = Field(None, json_schema_extra=RATE)
    cache_write_5m: Whole | None = Field(None, json_schema_extra=RATE)
    cache_write_1h: Whole | None = Field(None, json_schema_extra=RATE)
    input_audio: Whole | None = Field(None, json_schema_extra=RATE)
    input_image: Whole | None = Field(None, json_schema_extra=RATE)
    output: Whole | None = Field(None, json_schema_extra=RATE)
    reasoning: Whole | None = Field(None, json_schema_extra=RATE)
    output_audio: Whole | None = Field(None, json_schema_extra=RATE)
    images: Whole | None = Field(None, json_schema_extra=RATE)
    milliseconds: Whole | None = Field(None, json_schema_extra=RATE)
    requests: Whole | None = Field(None, json_schema_extra=RATE)


class NewPriceIn(StrictModel):
    """A price of an upstream model at one of your providers, by id or name. It wins over the shipped one."""

    provider: str
    upstream_model: str
    rates: RatesIn
    valid_from: Timestamp | None = None
    """Left out: from now on."""
    valid_to: Timestamp | None = None
    source: str = ""
    as_of: Day | None = None


class RatesOut(ResponseModel):
    """Nanodollars per million units of each bucket of usage; a dollar is 1000000000."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    input_audio: int
    input_image: int
    output: int
    reasoning: int
    output_audio: int
    images: int
    milliseconds: int
    requests: int


class PriceOut(Versioned):
    """A price, from `valid_from` until just before `valid_to`."""

    provider: str
    """Your provider's name; for a shipped price the kind of provider."""
    upstream_model: str
    shipped: bool
    rates: RatesOut
    valid_from: Timestamp
    valid_to: Timestamp | None
    source: str
    as_of: date
    """The day on which the source said so."""
    created_at: Timestamp


@router.get("")
async def list_prices(
    request: Request,
    principal: _Reader,
    catalog: ChosenCatalog,
    paging: _Paging,
    provider: Annotated[str | None, Query(max_length=64)] = None,
    upstream_model: Annotated[str | None, Query(max_length=256)] = None,
) -> PageEnvelope[PriceOut]:
    """Every price, your own and the shipped ones, by provider, model and date."""
    async with catalog.reading(principal) as store:
        prices = [
            price
            for price in await store.prices()
            if provider in (None, price.provider) and upstream_model in (None, price.model)
        ]
    return page_envelope(page_of(prices, paging, _value).map(_out), request)


@router.post("", status_code=201, dependencies=[raises(NameTaken, PricesOverlap, UnknownProvider)])
async def create_price(
    request: Request, principal: _Writer, catalog: ChosenCatalog, body: NewPriceIn
) -> Envelope[PriceOut]:
    """Set a price. The one that held without an end until then ends at `valid_from`.

    Usage that is recorded already keeps its cost.
    """
    wish = NewPrice(
        provider=body.provider,
        upstream_model=body.upstream_model,
        rates=body.rates.model_dump(exclude_none=True),
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        source=body.source,
        as_of=body.as_of,
    )
    async with catalog.writing(principal) as store:
        price = await commands.create_price(store, wish)
        return envelope(_out(price), request)


@router.get("/{price_id}", dependencies=[raises(PriceNotFound)])
async def show_price(request: Request, principal: _Reader, catalog: ChosenCatalog, price_id: str) -> Envelope[PriceOut]:
    """One price."""
    async with catalog.reading(principal) as store:
        price = await resources.price(store, price_id)
    return envelope(_out(price), request)


@router.delete("/{price_id}", status_code=204, dependencies=[raises(PriceNotFound, ShippedPrice)])
async def remove_price(principal: _Writer, catalog: ChosenCatalog, price_id: str, if_match: IfMatch) -> None:
    """Remove one of your own prices. Usage that is recorded already keeps its cost."""
    async with catalog.writing(principal) as store:
        await commands.remove_price(store, price_id, if_match.expects(price_id))


def _value(price: Price, field: str) -> object:
    return price.model if field == "upstream_model" else getattr(price, field)


def _out(price: Price) -> PriceOut:
    return PriceOut(
        id=price.id,
        version=price.version,
        provider=price.provider,
        upstream_model=price.model,
        shipped=price.owner == SHIPPED,
        rates=RatesOut.model_validate(price.rates),
        valid_from=price.valid_from,
        valid_to=price.valid_to,
        source=price.source,
        as_of=price.as_of,
        created_at=price.created_at,
    )
