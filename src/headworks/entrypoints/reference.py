"""Writes the reference pages that repeat what the code says: the commands, the settings, and who may do what.

`python -m headworks.entrypoints.reference` writes them to docs/reference; a test fails when they are out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

import typer
from pydantic_core import PydanticUndefined

from headworks.bootstrap.discovery import NAMES
from headworks.bootstrap.permissions_page import permissions_page
from headworks.bootstrap.settings import DISCOVERY_PREFIX, Settings, variable_of
from headworks.entrypoints.cli.app import app
from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_WIDTH = 100
_CLI = """# Commands

What `headworks COMMAND --help` prints. Written by `python -m headworks.entrypoints.reference`.

`headworks up` starts a server; `headworks db` and `headworks migrate-store` speak to its databases. The others speak to a running one over its HTTP API; they
find it by `credentials.json` in the data folder. Options that say where the server is come before the command: `headworks --home DIR keys list`.

| exit status | |
| --- | --- |
| 0 | done |
| 1 | refused, or failed; the message says why and what to do |
| 2 | the command line is wrong |
| 3 | there is no server to speak to |

With `--json` a command prints the API's `data` (see [openapi.json](openapi.json)) on standard output, and nothing else there.
Secrets are read from standard input or from the environment, never from an argument.
"""
_CONFIGURATION = """# Settings

What a server can be told. Written by `python -m headworks.entrypoints.reference`.

Each can be written in three places, read once at the start, of which the last wins:

1. a file, `headworks.toml` in the data folder or the one that `--config FILE` (or `HEADWORKS_CONFIG`) names: the name in small letters,
   without `HEADWORKS_`. A section is for processes of one role:

   ```toml
   database_url = "postgresql://headworks@db.example.com/headworks"
   trusted_proxies = ["10.0.0.0/8"]

   [gateway]
   host = "0.0.0.0"
   port = 8080

   [control]
   port = 8081
   ```

   A file that holds a secret must not be readable by everybody. `headworks db` goes by what stands above the sections;
2. the environment: a variable as it stands below;
3. the command line of [`headworks up` and `headworks run`](cli.md): an option, or `--set NAME=VALUE` for those that have none.

A name that is none of these stops the start, so that a misspelt one is never ignored. `headworks config check [ROLE]` says beforehand what
is wrong and what does nothing, `headworks config show [ROLE]` what a process would go by and where that is written, and
`headworks config example` writes a file with every default.

| variable | value | default | |
| --- | --- | --- | --- |
"""
_UNITS = {"_ms": "milliseconds", "_seconds": "seconds", "_bytes": "bytes"}


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {
        "cli.md": "".join(_commands()),
        "configuration.md": "".join(_settings()),
        "permissions.md": permissions_page(),
    }


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _commands() -> Iterator[str]:
    yield _CLI
    yield from _command(typer.main.get_command(app), "headworks", None)


def _command(command: object, name: str, parent: typer.Context | None) -> Iterator[str]:
    if not isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup):
        raise TypeError(name)
    context = typer.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH)
    yield f"\n## `{context.command_path}`\n\n```text\n{command.get_help(context).strip()}\n```\n"
    if isinstance(command, typer.core.TyperGroup):
        for inner in command.commands.values():
            yield from _command(inner, str(inner.name), context)


def _settings() -> Iterator[str]:
    yield _CONFIGURATION
    for name, field in Settings.model_fields.items():
        if name == "discovery_addresses":
            places = ", ".join(sorted(NAMES)).upper()
            yield f"| `{DISCOVERY_PREFIX}<PLACE>` | URL | | {field.description} Places: {places}. Empty turns one off. |\n"
        else:
            yield f"| `{variable_of(name)}` | {_values(name, field)} | {_default(name, field)} | {field.description} |\n"


def _values(name: str, field: FieldInfo) -> str:
    """What may be written, in a few words."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in kinds)
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), None)
    names = {
        bool: "`true`, `false`",
        int: "number",
        float: "number",
        Path: "path",
        str: "text",
        tuple[str, ...]: "text",
        Secret: "URL, secret",
    }
    return unit or names[kinds[0]]


def _default(name: str, field: FieldInfo) -> str:
    if name == "home":
        return "`~/.headworks`"
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/reference"))
