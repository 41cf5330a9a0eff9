"""`headworks rerate`: give past usage today's prices."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.moments import moment, moment_of
from headworks.entrypoints.cli.money import usd
from headworks.entrypoints.cli.nouns import MODELS, PROVIDERS, find
from headworks.entrypoints.cli.output import note, say, say_json, say_table
from headworks.entrypoints.cli.records import number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import DoneOut, PreviewOut, RangeIn

_FIGURES = frozenset({"REQUESTS", "CHANGED", "COST BEFORE", "COST AFTER", "CHARGE BEFORE", "CHARGE AFTER"})


def rerate(
    context: typer.Context,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Requests from then on: 2026-01-31, or with a time.")
    ],
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="And before then.")] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only of this provider, by name or id.", autocompletion=completing(PROVIDERS)
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only of this model, as it was asked for.", autocompletion=completing(MODELS)
        ),
    ] = None,
    upstream_model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Only of this model, as the provider calls it.")
    ] = None,
    *,
    post: Annotated[
        bool, typer.Option("--post", help="Change the ledger. Without it: show what would change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rate past usage anew, by today's prices and mark-ups: shows before and after by model, in US dollars.

    With --post the differences are entered into the ledger. No record changes, and a second time changes nothing.
    """
    wish: RangeIn = {
        "start": moment_of("--from", since),
        "end": moment("--to", until),
        "model": model,
        "upstream_model": upstream_model,
    }
    done: DoneOut | PreviewOut
    with connect(context) as client:
        if provider is not None:
            wish["provider_id"] = find(client, PROVIDERS, provider)["id"]
        done = client.api.re_rate(wish) if post else client.api.preview_re_rating(**wish)
    if as_json:
        say_json(done)
        return
    models = records(done.get("models"))
    if not models:
        note("No usage matches. What there is: headworks usage")
        return
    say_table(
        [
            ("MODEL", lambda one: text(one, "model") or "(none)"),
            ("REQUESTS", lambda one: f"{number(one, 'records'):,}"),
            ("CHANGED", lambda one: f"{number(one, 'adjusted'):,}"),
            ("COST BEFORE", lambda one: usd(one, "cost_before")),
            ("COST AFTER", lambda one: usd(one, "cost_after")),
            ("CHARGE BEFORE", lambda one: usd(one, "charge_before")),
            ("CHARGE AFTER", lambda one: usd(one, "charge_after")),
        ],
        models,
        right=_FIGURES,
    )
    if not post:
        note("", "Nothing was changed. Enter this into the ledger with --post.")
        return
    made = record(done.get("re_rating"))
    say(f"Posted as {text(made, 'id')}." if made else "There was nothing to change.")
