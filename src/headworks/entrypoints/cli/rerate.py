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
from headworks.kernel.money import Nanodollars, format_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headworks.client.api import Api
    from headworks.client.shapes import RangeIn
    from headworks.entrypoints.cli.records import Record

_AMOUNTS = ("cost_before", "cost_after", "charge_before", "charge_after")
_COUNTS = ("records", "adjusted", "unpriced_before", "unpriced_after")
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

    With --post the differences are entered into the ledger. No record changes, and a second time changes nothing. It goes in steps of
    20,000 records, each entered by itself: what broke off goes on when you say the same again.
    """
    wish: RangeIn = {
        "start": moment_of("--from", since),
        "end": moment("--to", until),
        "model": model,
        "upstream_model": upstream_model,
    }
    by_model: dict[str, Record] = {}
    made: list[Record] = []
    with connect(context) as client:
        if provider is not None:
            wish["provider_id"] = find(client, PROVIDERS, provider)["id"]
        for step in _steps(client.api, wish, post=post):
            for one in records(step.get("models")):
                name = text(one, "model")
                by_model[name] = _joined(by_model[name], one) if name in by_model else one
            made += filter(None, [record(step.get("re_rating"))])
            if step.get("next"):
                note(f"{sum(number(one, 'records') for one in by_model.values()):,} records so far ...")
    models = [one for _, one in sorted(by_model.items())]
    if as_json:
        say_json({"models": models, "re_ratings": made} if post else {"models": models})
        return
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
    ids = ", ".join(text(one, "id") for one in made)
    say(f"Posted as {ids}." if made else "There was nothing to change.")


def _steps(api: "Api", wish: "RangeIn", *, post: bool) -> "Iterator[Record]":
    """The answers, until nothing is left."""
    while True:
        step: Record = dict(api.re_rate(wish) if post else api.preview_re_rating(**wish))
        yield step
        if not step.get("next"):
            return
        wish["after"] = text(step, "next")


def _joined(one: "Record", other: "Record") -> "Record":
    """Two steps' figures of one model."""
    amounts = {
        name: number(record(one.get(name)), "nanodollars") + number(record(other.get(name)), "nanodollars")
        for name in _AMOUNTS
    }
    return {
        "model": one["model"],
        **{name: number(one, name) + number(other, name) for name in _COUNTS},
        **{name: {"nanodollars": amount, "usd": format_usd(Nanodollars(amount))} for name, amount in amounts.items()},
    }
