"""`headworks config`: the settings as a process would have them, before anything starts."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import field, note, say, say_json, say_table
from headworks.entrypoints.cli.session import AsJson
from headworks.entrypoints.cli.settings import file_of, options_before, settings_of
from headworks.entrypoints.process import Part

if TYPE_CHECKING:
    from headworks.bootstrap.roles import Role
    from headworks.bootstrap.settings import Settings

app = typer.Typer(help="The settings: of headworks.toml, the environment and the command line.", no_args_is_help=True)

Asked = Annotated[
    Part | None, typer.Argument(help="Of a process that `headworks run` starts.  [default: `headworks up`]")
]


@app.command("check")
def check(context: typer.Context, role: Asked = None, *, as_json: AsJson = False) -> None:
    """Say what is wrong with the settings, and which of them such a process never looks at. Start nothing.

    Exit status 1 when it would not start.
    """
    from headworks.bootstrap.roles import check_role, inert  # noqa: PLC0415 - for servers alone
    from headworks.bootstrap.settings import SettingsError, load_settings, written  # noqa: PLC0415

    given, asked = options_before(context), role or "up"
    wrong: list[str] = []
    ignored: list[str] = []
    connections: dict[str, int] = {}
    try:
        file = file_of(context, given)
        ignored = inert(written(environment(), given, file.section(asked)), asked)
        settings = load_settings(environment(), given, file.for_role(asked))
        check_role(settings, asked)
        connections = _connections(settings, asked)
    except SettingsError as error:
        wrong = str(error).splitlines()
    if as_json:
        say_json({"role": asked, "wrong": wrong, "inert": ignored, "connections": connections})
    for place in () if as_json else ignored:
        note(f"{place} does nothing here: `headworks {f'run {role}' if role else 'up'}` never looks at it.")
    if wrong:
        raise Failure("\n".join(wrong), "docs/reference/configuration.md lists every setting.")
    if not as_json:
        say("The settings are good.")
    for server, most in () if as_json else connections.items():
        note(f"It takes at most {most} connections of the database server {server}.")


def _connections(settings: "Settings", role: "Role") -> dict[str, int]:
    if role == "gateway":
        return {}
    from headworks.bootstrap.databases import Databases  # noqa: PLC0415 - SQLAlchemy, which gateways do without
    from headworks.bootstrap.home import Home  # noqa: PLC0415 - as above

    return Databases(Home(settings.home), settings).connections(role)


@app.command("show")
def show(context: typer.Context, role: Asked = None, *, as_json: AsJson = False) -> None:
    """List what such a process would go by, and where each setting is written. Secrets are not shown."""
    from headworks.bootstrap.roles import IGNORED  # noqa: PLC0415 - for servers alone
    from headworks.bootstrap.settings import SECRETS, written  # noqa: PLC0415

    asked, given = role or "up", options_before(context)
    settings = settings_of(context, asked)
    told = written(environment(), given, file_of(context, given).for_role(asked))
    found = [
        {
            "setting": name,
            "value": "(secret)" if name in SECRETS and value else value,
            "written": told.places.get(name, "default"),
        }
        for name, value in settings.model_dump(mode="json").items()
        if name not in IGNORED[asked]
    ]
    if as_json:
        say_json(found)
    else:
        shown = [{**one, "value": _shown(one["value"])} for one in found]
        say_table([("SETTING", field("setting")), ("VALUE", field("value")), ("WRITTEN", field("written"))], shown)


@app.command("example")
def example() -> None:
    """Write every setting with its default, commented out: headworks config example > headworks.toml."""
    from headworks.bootstrap import settings_file  # noqa: PLC0415 - for servers alone

    say(*settings_file.example())


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items()) or "-"
    return str(value)
