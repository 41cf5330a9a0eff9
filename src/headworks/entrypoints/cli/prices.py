"""`headworks prices`: what upstream models cost, so that usage has a cost."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import PRICES, PROVIDERS, find, seen
from headworks.entrypoints.cli.output import day, field, note, say, say_json, say_table, tell
from headworks.entrypoints.cli.records import Record, number, record, text
from headworks.entrypoints.cli.session import AsJson, connect, of_the_catalog
from headworks.kernel.money import Nanodollars, format_usd, parse_usd

if TYPE_CHECKING:
    from headworks.client.shapes import NewPriceIn, RatesIn

app = typer.Typer(help="What upstream models cost.", no_args_is_help=True, callback=of_the_catalog)

_PER_MILLION = "US dollars per million tokens"
_PRICES = frozenset({"INPUT", "CACHED", "OUTPUT"})


def _rate(help_text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(metavar="USD", help=f"{help_text}, in {_PER_MILLION}.")
    return option


@app.command("list")
def list_prices(
    context: typer.Context,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this provider.", autocompletion=completing(PROVIDERS))
    ] = None,
    upstream_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only of this model.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the prices: yours, and the shipped list prices, which are dated and name their source."""
    with connect(context) as client:
        prices = PRICES.all(client, provider=provider, upstream_model=upstream_model)
    if as_json:
        say_json(prices)
        return
    if not prices:
        note(
            "No price matches. Set one: headworks prices add --provider NAME --upstream-model MODEL --input USD --output USD"
        )
        return
    say_table(
        [
            ("ID", field("id")),
            ("PROVIDER", field("provider")),
            ("MODEL", field("upstream_model")),
            ("INPUT", lambda price: _usd(price, "input")),
            ("CACHED", lambda price: _usd(price, "cache_read")),
            ("OUTPUT", lambda price: _usd(price, "output")),
            ("FROM", day("valid_from")),
            ("TO", lambda price: text(price, "valid_to", "-")[:10]),
            ("AS OF", field("as_of")),
            ("SOURCE", lambda price: text(price, "source") or "-"),
        ],
        prices,
        right=_PRICES,
    )
    note("", f"In {_PER_MILLION}.")


@app.command("add")
def add_price(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    provider: Annotated[
        str, typer.Option(metavar="NAME", help="Name or id of the provider.", autocompletion=completing(PROVIDERS))
    ],
    upstream_model: Annotated[str, typer.Option(metavar="MODEL", help="What the model is called there.")],
    input_price: Annotated[str, typer.Option("--input", metavar="USD", help=f"Input, in {_PER_MILLION}.")],
    output_price: Annotated[
        str | None, typer.Option("--output", metavar="USD", help=f"Output, in {_PER_MILLION}.")
    ] = None,
    cache_read: Annotated[str | None, _rate("Input that came from a cache; as --input when left out")] = None,
    cache_write_5m: Annotated[
        str | None, _rate("Input that was cached for 5 minutes; as --input when left out")
    ] = None,
    cache_write_1h: Annotated[str | None, _rate("Input that was cached for an hour; as --input when left out")] = None,
    reasoning: Annotated[str | None, _rate("Reasoning; as --output when left out")] = None,
    valid_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", help="From this UTC day on, such as 2026-01-31; from now on when left out."
        ),
    ] = None,
    source: Annotated[str, typer.Option(metavar="URL", help="Where the price is published.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Set the price of a model at one of your providers. It wins over the shipped one.

    Other buckets of usage (audio, images, requests) can be priced over the API. What is recorded already keeps its cost.
    """
    given = {
        "input": input_price,
        "output": output_price,
        "cache_read": cache_read,
        "cache_write_5m": cache_write_5m,
        "cache_write_1h": cache_write_1h,
        "reasoning": reasoning,
    }
    rates = {bucket: nanodollars(bucket, value) for bucket, value in given.items() if value is not None}
    wish: NewPriceIn = {
        "provider": provider,
        "upstream_model": upstream_model,
        "rates": cast("RatesIn", rates),
        "source": source,
    }
    if valid_from is not None:
        wish["valid_from"] = start_of(valid_from).isoformat()
    with connect(context) as client:
        price = client.api.create_price(wish)
    if as_json:
        say_json(price)
        return
    shown = f"{_usd(price, 'input')} input, {_usd(price, 'output')} output, in {_PER_MILLION}"
    say(f"{text(price, 'provider')}/{text(price, 'upstream_model')} costs {shown}, from {text(price, 'valid_from')}.")


@app.command("remove")
def remove_price(
    context: typer.Context,
    price: Annotated[
        str,
        typer.Argument(
            metavar="PRICE",
            help="Its id, or provider/model where that has one price only.",
            autocompletion=completing(PRICES),
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Remove a price of yours; the shipped ones stay. What is recorded already keeps its cost."""
    with connect(context) as client:
        found = find(client, PRICES, price, among=lambda one: one.get("shipped") is not True)
        client.api.remove_price(found["id"], if_match=seen(found))
    name = f"{text(found, 'provider')}/{text(found, 'upstream_model')}"
    tell({"removed": found["id"]}, f"Removed the price of {name} ({found['id']}).", as_json=as_json)


def nanodollars(bucket: str, value: str) -> int:
    """Dollars per million units as the API takes them, exactly. Raises BadUsage."""
    try:
        amount = parse_usd(value)
    except ValueError as error:
        raise BadUsage(f"--{bucket.replace('_', '-')}: {error}.") from error
    if amount < 0:
        raise BadUsage(f"--{bucket.replace('_', '-')}: a price cannot be negative.")
    return amount


def start_of(day: str) -> datetime:
    """The first moment of a UTC day. Raises BadUsage."""
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadUsage(f"--from: {day!r} is no day.", "Write it as 2026-01-31.") from None


def _usd(price: Record, bucket: str) -> str:
    return format_usd(Nanodollars(number(record(price.get("rates")), bucket)))
