"""`headworks models`: the names that callers use, and the upstream models behind them."""

from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import MODELS, PROVIDERS
from headworks.entrypoints.cli.output import field, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import Record, number, records, text
from headworks.entrypoints.cli.session import AsJson, connect, of_the_catalog

if TYPE_CHECKING:
    from headworks.client.shapes import ModelChangesIn, NewModelIn, TargetIn

app = typer.Typer(
    help="The names that callers use, and what is behind them.", no_args_is_help=True, callback=of_the_catalog
)


_ADD = (
    "Add a provider, then a model of it: headworks providers add NAME --base-url URL --api-key-stdin; "
    "headworks models add ALIAS --provider NAME --upstream-model MODEL"
)
Alias = Annotated[
    str, typer.Argument(metavar="ALIAS", help="Name or id of the model.", autocompletion=completing(MODELS))
]
Providers = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="A provider, by name or id. Repeat it for more targets.",
        autocompletion=completing(PROVIDERS),
    ),
]
UpstreamModels = Annotated[
    list[str], typer.Option(metavar="MODEL", help="What the model is called there: one for each --provider, in order.")
]
Weights = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N", min=1, max=1000, help="Share of the traffic: none, or one for each --provider, in order."
    ),
]


@app.command("add")
def add_model(
    context: typer.Context,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The name that callers will use.")],
    provider: Providers,
    upstream_model: UpstreamModels,
    weight: Weights = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a name for one or more upstream models.

    Several targets share the traffic by weight, and the next one takes over when one fails:
    headworks models add fast --provider a --upstream-model m1 --weight 9 --provider b --upstream-model m2 --weight 1
    """
    wish: NewModelIn = {"alias": alias, "targets": targets(provider, upstream_model, weight or [])}
    with connect(context) as client:
        model = client.api.create_model(wish)
    tell(model, f"Added the model {text(model, 'alias')}: {targets_of(model)}.", as_json=as_json)


@app.command("change")
def change_model(
    context: typer.Context,
    alias: Alias,
    provider: Providers,
    upstream_model: UpstreamModels,
    weight: Weights = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Point a name at other upstream models, from the next request on."""
    wish: ModelChangesIn = {"targets": targets(provider, upstream_model, weight or [])}
    with connect(context) as client:
        model = client.api.change_model(alias, wish)
    tell(model, f"Changed the model {text(model, 'alias')}: {targets_of(model)}.", as_json=as_json)


@app.command("list")
def list_models(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List every name that callers can use."""
    with connect(context) as client:
        models = MODELS.all(client)
    say_list(
        [
            ("MODEL", field("alias")),
            ("KIND", field("kind")),
            ("TARGETS", targets_of),
            ("ORIGIN", field("origin")),
        ],
        models,
        as_json=as_json,
        empty=f"There is no model yet. {_ADD}",
    )
    if models and all(text(model, "origin") == "builtin" for model in models):
        note("", f"There is only the built-in demo. {_ADD}")


@app.command("show")
def show_model(context: typer.Context, alias: Alias, *, as_json: AsJson = False) -> None:
    """Show one name, and what is behind it."""
    with connect(context) as client:
        model = client.api.show_model(alias)
    if as_json:
        say_json(model)
        return
    shown = {**model, "targets": targets_of(model)}
    for name in ("alias", "id", "kind", "targets", "origin", "created_at", "updated_at"):
        say(f"{name:<12} {text(shown, name, '-')}")


@app.command("remove")
def remove_model(context: typer.Context, alias: Alias, *, as_json: AsJson = False) -> None:
    """Remove a name. What it pointed at can still be called as PROVIDER/MODEL."""
    with connect(context) as client:
        client.api.remove_model(alias)
    tell({"removed": alias}, f"Removed the model {alias}.", as_json=as_json)


def targets(providers: list[str], upstream_models: list[str], weights: list[int]) -> "list[TargetIn]":
    """Pair up the repeated options. Raises BadUsage when their numbers differ."""
    if len(providers) != len(upstream_models):
        raise BadUsage(
            f"there are {len(providers)} --provider and {len(upstream_models)} --upstream-model.",
            "Give one --upstream-model for each --provider, in the same order.",
        )
    if weights and len(weights) != len(providers):
        raise BadUsage(
            f"there are {len(providers)} --provider and {len(weights)} --weight.", "Give no --weight, or one for each."
        )
    return [
        {"provider": provider, "upstream_model": upstream}
        if weight is None
        else {"provider": provider, "upstream_model": upstream, "weight": weight}
        for provider, upstream, weight in zip_longest(providers, upstream_models, weights)
    ]


def targets_of(model: Record) -> str:
    """The targets in a few words; weights only where there is something to share."""
    found = records(model.get("targets"))
    shared = len(found) > 1
    return ", ".join(
        f"{text(target, 'provider')}/{text(target, 'upstream_model')}"
        + (f" ({number(target, 'weight')})" if shared else "")
        + ("" if target.get("enabled", True) else " (disabled)")
        for target in found
    )
