"""`headworks config`: whether the settings of the environment are right, before anything starts."""

from typing import Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.run import Part
from headworks.entrypoints.cli.session import AsJson, wish_of

app = typer.Typer(help="The settings of the environment.", no_args_is_help=True)


@app.command("check")
def check(
    context: typer.Context,
    role: Annotated[
        Part | None, typer.Argument(help="Of a process that `headworks run` starts.  [default: `headworks up`]")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with the variables HEADWORKS_…, and which of them such a process never looks at. Start nothing.

    Exit status 1 when it would not start.
    """
    from headworks.bootstrap.roles import check_role, inert  # noqa: PLC0415 - for servers alone
    from headworks.bootstrap.settings import SettingsError, load_settings  # noqa: PLC0415

    wish = wish_of(context)
    variables = environment()
    wrong: list[str] = []
    try:
        settings = load_settings(variables, {"home": wish.home, "port": wish.port})
        check_role(settings, role or "up")
    except SettingsError as error:
        wrong = str(error).splitlines()
    ignored = inert(variables, role or "up")
    if as_json:
        say_json({"role": role or "up", "wrong": wrong, "inert": ignored})
    for variable in () if as_json else ignored:
        note(f"{variable} does nothing here: `headworks {f'run {role}' if role else 'up'}` never looks at it.")
    if wrong:
        raise Failure("\n".join(wrong), "docs/reference/configuration.md lists every setting.")
    if not as_json:
        say("The settings are good.")
