"""From the command line to a connected client, and the shared option types."""

from typing import Annotated, Literal

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.server import find_server
from headworks.entrypoints.cli.tokens import signed_in
from headworks.entrypoints.cli.wish import wish_of
from headworks.kernel.clock import now

Role = Literal["admin", "maintainer", "viewer"]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: the API's `data`, whose shape is stable.")]

_EVERYWHERE = "headworks.everywhere"


def connect(context: typer.Context) -> Client:
    """A client of the server that was meant: as who signed in there, or by a management key.

    Raises Unreachable, Refused, BadUsage.
    """
    wish = wish_of(context)
    server = signed_in(wish, environment(), now()) or find_server(wish, environment())
    return Client(server, everywhere=context.meta.get(_EVERYWHERE, {}))


def of_the_catalog(
    context: typer.Context,
    *,
    installation: Annotated[
        bool,
        typer.Option("--installation", help="What all organisations use, instead of your own's. For operators."),
    ] = False,
) -> None:
    """Comes before the commands of a noun of the catalog: `headworks models --installation list`."""
    if installation:
        context.meta[_EVERYWHERE] = {"owner": "installation"}
