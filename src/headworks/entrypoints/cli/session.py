"""From the command line to a connected client: what the options before the noun said, and the shared option types."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.server import Wish, default_home, find_server
from headworks.entrypoints.cli.tokens import signed_in
from headworks.kernel.clock import now

Role = Literal["admin", "maintainer", "viewer"]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: the API's `data`, whose shape is stable.")]

_EVERYWHERE = "headworks.everywhere"

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)


def wish_from(url: str | None, home: Path | None, port: int | None, key_env: str | None) -> Wish:
    """What the options before the noun say. Raises BadUsage."""
    return Wish(
        home=(home or default_home()).expanduser().absolute(),
        url=url,
        port=port or None,
        key_variable=None if key_env is None else variable_name("--key-env", key_env),
    )


def wish_of(context: typer.Context) -> Wish:
    """What they said."""
    wish = context.find_object(Wish)
    return wish if wish is not None else Wish(home=default_home())


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


def variable_name(option: str, value: str) -> str:
    """The name of an environment variable. Raises BadUsage, without repeating what may well be the secret itself."""
    if not VARIABLE.fullmatch(value):
        raise BadUsage(
            f"{option} takes the name of an environment variable, such as OPENAI_API_KEY; this is not a name.",
            "If it was the key itself: it is in your shell's history now; think of replacing it.",
        )
    return value
