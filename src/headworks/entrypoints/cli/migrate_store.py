"""`headworks migrate-store`: an installation's databases copied to servers, and the copy held against them. Nothing runs meanwhile."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.output import say_json
from headworks.entrypoints.cli.session import AsJson
from headworks.entrypoints.cli.settings import settings_of


def migrate_store(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="The database that all goes to; with a password in it, env:VARIABLE or file:/path of it. Without --to each "
            "context goes where HEADWORKS_DATABASE_URL and its like say.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="A server to move from, written as --to.  [default: the files of the data folder]",
        ),
    ] = None,
    contexts: Annotated[
        list[str] | None,
        typer.Option(
            "--context", metavar="NAME", help="Only this one: identity, catalog, limits, usage. May be repeated."
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", metavar="ROWS", min=1, max=100_000, help="Rows in one transaction.")
    ] = 5_000,
    *,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Throw away what an earlier, unfinished move has copied, and begin anew."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy an installation into databases on a server, and prove that the copy is one.

    Stop everything first: it refuses while a server runs. Killed at any moment and run again, it goes on where it was; until it has come to its end nothing serves from the copy. What it is copied from stays as it is.
    """
    from headworks.entrypoints.cli import moving  # noqa: PLC0415 - SQLAlchemy, for few commands

    wish = moving.wish_from(contexts or (), to, source, batch, anew=anew)
    moved = moving.move(settings_of(context, None), wish, shows=not as_json)
    if as_json:
        say_json(moving.record_of(moved))
    else:
        moving.tell(moved)
