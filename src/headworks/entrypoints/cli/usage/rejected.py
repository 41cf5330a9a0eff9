"""`headworks usage rejected`: what could not be stored."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.output import field, note, say_json, say_table
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect


def rejected(
    context: typer.Context,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many, the newest first.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show usage that could not be stored and was put aside, with the reason; for operators.

    It counts for no budget and is in no report. `--json` has the events themselves.
    """
    with connect(context) as client:
        found = client.first_of(client.api.list_rejected_usage_events, count)
    if as_json:
        say_json(found)
        return
    if not found:
        note("Nothing was put aside: all usage that came is stored.")
        return
    say_table(
        [
            ("TIME", lambda one: text(one, "rejected_at")[:19].replace("T", " ")),
            ("ID", lambda one: text(one, "id")[:12]),
            ("REASON", field("reason")),
        ],
        found,
    )
