"""`headworks env`: the two variables that every OpenAI SDK reads, for this server and its first key."""

import shlex
from enum import StrEnum
from typing import Annotated

import typer

from headworks.entrypoints.cli.failures import Refused
from headworks.entrypoints.cli.output import say, say_json
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.server import read_credentials, with_port
from headworks.entrypoints.cli.session import AsJson
from headworks.entrypoints.cli.wish import wish_of


class Variable(StrEnum):
    """What can be asked for alone."""

    OPENAI_BASE_URL = "OPENAI_BASE_URL"
    OPENAI_API_KEY = "OPENAI_API_KEY"


def env(
    context: typer.Context,
    variable: Annotated[Variable | None, typer.Argument(help="Print the value of this one alone.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print variables for SDKs: eval "$(headworks env)"."""
    wish = wish_of(context)
    stored = read_credentials(wish.home)
    values = {
        Variable.OPENAI_BASE_URL: with_port(text(stored, "endpoint"), wish.port),
        Variable.OPENAI_API_KEY: text(stored, "api_key"),
    }
    absent = [name for name, value in values.items() if not value]
    if absent:
        raise Refused(
            f"credentials.json in {wish.home} does not say what {absent[0]} is.", "`headworks keys create` makes a key."
        )
    if as_json:
        say_json({str(name): value for name, value in values.items()})
    elif variable is not None:
        say(values[variable])
    else:
        say(*(f"export {name}={shlex.quote(value)}" for name, value in values.items()))
