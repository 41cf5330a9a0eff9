"""From the command line to the settings of a process: its options, the environment, and the file that is meant."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.wish import wish_of

if TYPE_CHECKING:
    from headworks.bootstrap.roles import Role
    from headworks.bootstrap.settings import Settings
    from headworks.bootstrap.settings_file import SettingsFile

Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other setting; again for each.")
]
"""Of commands that start a server."""

_HINT = "docs/reference/configuration.md lists every setting; `headworks config check` looks at all of them."


def settings_of(
    context: typer.Context, role: "Role | None", sets: Iterable[str] = (), options: Mapping[str, object] | None = None
) -> "Settings":
    """For a process of that role; for None, which is no server, what holds for all roles. Raises BadUsage."""
    from headworks.bootstrap.roles import check_role  # noqa: PLC0415 - for servers alone
    from headworks.bootstrap.settings import SettingsError, load_settings  # noqa: PLC0415

    given = {**options_before(context), **assigned(sets)}
    given |= {name: value for name, value in (options or {}).items() if value is not None}
    try:
        settings = load_settings(environment(), given, file_of(context, given).for_role(role))
        if role is not None:
            check_role(settings, role)
    except SettingsError as error:
        raise BadUsage(str(error), _HINT) from error
    return settings


def file_of(context: typer.Context, given: Mapping[str, object]) -> "SettingsFile":
    """The file of --config, or that of the data folder. Raises SettingsError."""
    from headworks.bootstrap.settings_file import in_folder, read  # noqa: PLC0415 - as above

    wish = wish_of(context)
    if wish.config is not None:
        return read(wish.config)
    return in_folder(Path(str(given.get("home", wish.home))).expanduser())


def options_before(context: typer.Context) -> dict[str, object]:
    """The settings among the options before the command, where they are options and not variables."""
    root = context.find_root()
    sources = {name: root.get_parameter_source(name) for name in ("home", "port")}
    return {name: root.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def assigned(pairs: Iterable[str]) -> dict[str, object]:
    """Settings of `--set NAME=VALUE`. Raises BadUsage."""
    from headworks.bootstrap.settings import ADDRESSES, SECRETS, Settings, hint  # noqa: PLC0415 - as above

    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().lower().replace("-", "_")
        if not equals or name not in Settings.model_fields or name == ADDRESSES:
            raise BadUsage(
                f"--set {name or pair} is no setting: {hint(name, Settings.model_fields)}", "Write --set port=9000."
            )
        if name in SECRETS:
            raise BadUsage(
                f"--set {name} would show a secret to everybody who lists this machine's processes.",
                f"Use the variable HEADWORKS_{name.upper()}, or headworks.toml.",
            )
        values[name] = value
    return values
