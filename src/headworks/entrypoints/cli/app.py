"""The `headworks` command itself: the options before the noun, and where every failure becomes a sentence and an exit status."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.completion import completion_init  # type: ignore[attr-defined] # it is imported there

from headworks.entrypoints.cli.contents import PROGRAM
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.loading import PLAIN, LazyGroup
from headworks.entrypoints.cli.output import note
from headworks.entrypoints.cli.wish import wish_from

app = typer.Typer(name=PROGRAM, cls=LazyGroup, no_args_is_help=True, **PLAIN)
completion_init()


@app.callback()
def root(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="HEADWORKS_URL",
            help="Address of the server, when it is not the one that the data folder tells of.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", envvar="HEADWORKS_HOME", help="Data folder of the server.  [default: ~/.headworks]"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", envvar="HEADWORKS_PORT", min=0, max=65535, help="Port of the server, if it moved."
        ),
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Variable with a management key to use instead of the stored one."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="HEADWORKS_CONFIG",
            help="File with settings.  [default: headworks.toml in the data folder, if there is one]",
        ),
    ] = None,
) -> None:
    """One OpenAI-compatible endpoint in front of any model, with exact accounting.

    `headworks up` starts a server, `headworks run` one part of it, `headworks db` and `headworks migrate-store` speak to its databases, `headworks certs` and `headworks config` to nobody. The other commands speak to a running server, which they find by its data folder.

    Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no server to speak to.
    """
    context.obj = wish_from(url, home, port, key_env, config)


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name=PROGRAM)
    except Failure as failure:
        note(*f"headworks: {failure.message}".splitlines())
        if failure.hint:
            note(f"  {failure.hint}")
        sys.exit(failure.exit_code)
