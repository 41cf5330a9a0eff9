"""`headworks db`: the tables of each context, in files or on a server. It speaks to the databases, not to the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import note, say, say_json, say_table
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson  # noqa: TC001 - typer reads it
from headworks.entrypoints.cli.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import TypeVar

    from headworks.entrypoints.migration import Found

    T = TypeVar("T")

app = typer.Typer(help="The tables of each context: how they stand, and migrations.", no_args_is_help=True)


@app.command("status")
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show where each context's tables are and whether this version fits them; change nothing.

    Exit status 1 when a server would not start.
    """
    from headworks.bootstrap.databases import PASSES_WALLS  # noqa: PLC0415 - SQLAlchemy, for these commands alone
    from headworks.entrypoints import migration  # noqa: PLC0415 - as above

    found, most = run(migration.look(settings_of(context, None)))
    if as_json:
        say_json({"contexts": _records(found), "most_connections": most})
    else:
        _show(found)
        if most:
            note("", f"A process takes at most {most} connections to database servers.")
        passed = [one.place.schema.context for one in found if one.standing.passes_walls]
        if passed:
            note("", f"{', '.join(passed)}: {PASSES_WALLS}.")
    if any(one.keeps_from_starting for one in found):
        raise Failure("a server would not start on these tables.", "Run: headworks db migrate")


@app.command("migrate")
def migrate(context: typer.Context) -> None:
    """Make the tables, or bring them to this version. Safe to repeat, and to run beside servers of the version before.

    A server on SQLite files does it by itself at its start.
    """
    from headworks.entrypoints import migration  # noqa: PLC0415 - as above

    for one in run(migration.migrate(settings_of(context, None))):
        if one.standing.condition == "half moved":
            raise Failure(f"{one.place.schema.context} is half moved ({one.place}).", "Run: headworks migrate-store")
        done = "there already" if one.standing.may_serve else f"migrated from {one.standing.stored or 'nothing'}"
        say(f"{one.place.schema.context}: {one.standing.wanted}, {done} ({one.place})")


def run(work: Coroutine[object, object, T]) -> T:
    """Do it, without a server. Raises Failure."""
    from headworks.bootstrap.home import HomeError  # noqa: PLC0415 - as above
    from headworks.kernel.errors import HeadworksError  # noqa: PLC0415 - as above
    from headworks.kernel.telemetry import configure_logs  # noqa: PLC0415 - as above

    configure_logs("error")
    try:
        return asyncio.run(work)
    except (HeadworksError, HomeError) as error:
        raise Failure(str(error)) from error


def _records(found: Sequence[Found]) -> list[dict[str, object]]:
    return [
        {
            "context": one.place.schema.context,
            "database": str(one.place),
            "stored": one.standing.stored,
            "wanted": one.standing.wanted,
            "state": one.standing.condition,
            "passes_walls": one.standing.passes_walls,
        }
        for one in found
    ]


def _show(found: Sequence[Found]) -> None:
    say_table(
        [
            ("CONTEXT", lambda row: text(row, "context")),
            ("STORED", lambda row: text(row, "stored") or "-"),
            ("WANTED", lambda row: text(row, "wanted")),
            ("STATE", lambda row: text(row, "state")),
            ("DATABASE", lambda row: text(row, "database")),
        ],
        _records(found),
    )
