"""`headworks rerate`: give past usage today's prices."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.find import find
from headworks.entrypoints.cli.money import moment, usd
from headworks.entrypoints.cli.output import note, say, say_json, say_table
from headworks.entrypoints.cli.records import number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

_FIGURES = frozenset({"REQUESTS", "CHANGED", "COST BEFORE", "COST AFTER", "CHARGE BEFORE", "CHARGE AFTER"})


def rerate(
    context: typer.Context,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Requests from then on: 2026-01-31, or with a time.")
    ],
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="And before then.")] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this provider, by name or id.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this model, as it was asked for.")] = None,
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
    given = {
        "start": moment("--from", since),
        "end": moment("--to", until),
        "model": model,
        "upstream_model": upstream_model,
    }
    wish = {name: value for name, value in given.items() if value is not None}
    with connect(context) as client:
        if provider is not None:
            wish["provider_id"] = text(find(client, "/providers", "provider", provider), "id")
        done = client.post("/re-ratings", dict(wish)) if post else record(client.get("/re-ratings/preview", wish))
    if as_json:
        say_json(done)
        return
    models = records(done.get("models"))
    if not models:
        note("No usage matches.")
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
