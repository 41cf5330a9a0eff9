"""`headworks usage events`: single requests."""

from pathlib import Path
from typing import Annotated

import typer

from headworks.entrypoints.cli.output import note, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.entrypoints.cli.usage import scope
from headworks.entrypoints.cli.usage.files import Store, put, save, wish

_PER_PAGE = 200


def events(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many, the newest first.")] = 20,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Such as 2026-01-31T09:30:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before then.")] = None,
    project: scope.Project = None,
    key: scope.Key = None,
    user: scope.User = None,
    model: scope.Model = None,
    provider: scope.Provider = None,
    outcome: scope.Outcome = None,
    event_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="One `x-request-id`.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all of them to a CSV file; - for here.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all of them to a Parquet file.")] = None,
    store: Store = None,
    *,
    contradicted: Annotated[
        bool, typer.Option("--contradicted", help="Only those whose provider counts otherwise than it delivered.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show single requests, the newest first, by what they come to now."""
    with connect(context) as client:
        query = scope.scope_of(
            client, key=key, project=project, user=user, provider=provider, model=model, outcome=outcome
        )
        if contradicted:
            query["contradicted"] = True
        asked = {**query, "event_id": event_id, "from": since, "to": until}
        if store is not None:
            put(client, "/usage-events/export", asked, store, as_json=as_json)
            return
        if (file := wish(csv, parquet)) is not None:
            save(client, "/usage-events/export", asked, file)
            return

        rows = client.first_of(client.api.list_usage_events, count, from_=since, to=until, event_id=event_id, **query)
    if as_json:
        say_json(rows)
        return
    if not rows:
        note("There is no such request.")
        return
    say_table(
        [
            ("TIME", lambda row: text(row, "occurred_at")[:19].replace("T", " ")),
            ("ID", lambda row: text(row, "event_id")),
            ("MODEL", lambda row: text(row, "model") or "(none)"),
            ("STATUS", lambda row: text(row, "status")),
            ("OUTCOME", lambda row: text(row, "outcome")),
            ("INPUT", lambda row: f"{_sum(row, _INPUT):,}"),
            ("OUTPUT", lambda row: f"{_sum(row, _OUTPUT):,}"),
            *([("DELIVERED", lambda row: f"{number(row, 'delivered_tokens'):,}")] if contradicted else []),
            ("CHARGE USD", lambda row: text(row, "charge_usd", "no price")),
        ],
        rows,
        right=frozenset({"STATUS", "INPUT", "OUTPUT", "DELIVERED", "CHARGE USD"}),
    )


_INPUT = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)
_OUTPUT = ("output_tokens", "reasoning_tokens", "output_audio_tokens")


def _sum(row: Record, names: tuple[str, ...]) -> int:
    return sum(number(row, name) for name in names)
