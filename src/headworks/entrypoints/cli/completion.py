"""`headworks completion`: what a shell needs to complete commands, options and names."""

import re
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined] # it is imported there

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.contents import PROGRAM
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.nouns import PROJECTS, Noun
from headworks.entrypoints.cli.records import Record, records, text
from headworks.entrypoints.cli.server import find_server
from headworks.entrypoints.cli.tokens import signed_in
from headworks.entrypoints.cli.wish import wish_from
from headworks.kernel.clock import now

VARIABLE = "_HEADWORKS_COMPLETE"

T = TypeVar("T", bound=Record)

_SECONDS = 1.0
_MOST = 200
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@%+/-]*", re.ASCII)
"""What every shell takes as one word. zsh evaluates what we say, so nothing else is ever said."""


class Shell(StrEnum):
    """The shells that can be served."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell that you use.")]) -> None:
    """Print what makes your shell complete commands, options and names with the Tab key.

    bash: headworks completion bash > ~/.local/share/bash-completion/completions/headworks, or, in ~/.bashrc: eval "$(headworks completion bash)"

    zsh: in ~/.zshrc, after compinit: eval "$(headworks completion zsh)"

    fish: headworks completion fish > ~/.config/fish/completions/headworks.fish
    """
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))


def completing(noun: Noun[T]) -> Callable[[typer.Context, str], list[str]]:
    """The names that an argument can complete to: as many as come at once, and none where anything is in the way.

    The access token is not refreshed for it: whoever waits for a Tab goes on typing, and a refresh that is cut short
    would look like a theft.
    """

    def names(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(Failure, OSError, ValueError), _connected(context) as client:
            found = records(noun.listing(client.api, per_page=_MOST)["data"])
            return [_word(noun, one, incomplete) for one in found if text(one, "state") != "revoked"]
        return []

    return names


def _connected(context: typer.Context) -> Client:
    """As `session.connect`, from a command line that is not complete. Raises Unreachable, Refused, BadUsage."""
    given = context.find_root().params
    wish = wish_from(given.get("url"), given.get("home"), given.get("port"), given.get("key_env"))
    server = signed_in(wish, environment(), now(), refresh=False) or find_server(wish, environment())
    return Client(server, seconds=_SECONDS)


def _word(noun: Noun[T], one: Record, incomplete: str) -> str:
    """What it is called, where that is one plain word; else its id."""
    name = next(iter(noun.called(one)), "")
    is_id_wanted = incomplete.startswith(f"{noun.prefix}_")
    return name if _PLAIN.fullmatch(name) and not is_id_wanted else text(one, "id")


InProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="PROJECT",
        help="Id or name of its project.  [default: yours]",
        autocompletion=completing(PROJECTS),
    ),
]
