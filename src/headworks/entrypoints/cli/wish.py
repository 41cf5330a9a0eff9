"""What the options before the noun say about the server, before anything is looked up: no more than every command needs."""

import re
from dataclasses import dataclass
from pathlib import Path

import typer

from headworks.entrypoints.cli.failures import BadUsage

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says about the server."""

    home: Path
    url: str | None = None
    port: int | None = None
    key_variable: str | None = None
    config: Path | None = None
    """The file of --config."""


def wish_from(
    url: str | None, home: Path | None, port: int | None, key_env: str | None, config: Path | None = None
) -> Wish:
    """What the options before the noun say. Raises BadUsage."""
    file = None if config is None else config.expanduser().absolute()
    return Wish(
        home=(home or _home_in(file) or default_home()).expanduser().absolute(),
        url=url,
        port=port or None,
        key_variable=None if key_env is None else variable_name("--key-env", key_env),
        config=file,
    )


def _home_in(file: Path | None) -> Path | None:
    if file is None:
        return None
    from headworks.bootstrap.settings import SettingsError  # noqa: PLC0415 - for who has such a file alone
    from headworks.bootstrap.settings_file import read  # noqa: PLC0415

    try:
        home = read(file).common.get("home")
    except SettingsError as error:
        raise BadUsage(str(error), "docs/reference/configuration.md lists every setting.") from error
    return Path(home) if isinstance(home, str) and home else None


def wish_of(context: typer.Context) -> Wish:
    """What they said."""
    wish = context.find_object(Wish)
    return wish if wish is not None else Wish(home=default_home())


def default_home() -> Path:
    """Where `up` keeps its data unless it is told otherwise."""
    return Path.home() / ".headworks"


def variable_name(option: str, value: str) -> str:
    """The name of an environment variable. Raises BadUsage, without repeating what may well be the secret itself."""
    if not VARIABLE.fullmatch(value):
        raise BadUsage(
            f"{option} takes the name of an environment variable, such as OPENAI_API_KEY; this is not a name.",
            "If it was the key itself: it is in your shell's history now; think of replacing it.",
        )
    return value
