"""Letting other gateways' keys go on working."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import InProject
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import PROJECTS, find
from headworks.entrypoints.cli.output import counted, say, say_json
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import NewKeyBody

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def import_keys(
    context: typer.Context,
    file: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="Lines of a SHA-256 (hex) and a name; - for standard input."),
    ],
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let another gateway's keys go on working here, by their hashes: all of them or none. For operators."""
    wishes = [_import(number, line) for number, line in enumerate(file, 1) if line.strip()]
    with connect(context) as client:
        if project is not None:
            project_id = find(client, PROJECTS, project)["id"]
            for wish in wishes:
                wish["project_id"] = project_id
        made = client.api.create_keys({"keys": wishes})
    if as_json:
        say_json(made)
        return
    say(f"Imported {counted(len(made), 'key')}.")


def _import(number: int, line: str) -> "NewKeyBody":
    sha256, _, name = line.strip().partition(" ")
    if not _SHA256.fullmatch(sha256):
        raise BadUsage(
            f"line {number} does not begin with a SHA-256 of 64 hex digits.", "Did you mean a file of hashes?"
        )
    return {"name": name.strip() or f"Imported {sha256[:8]}", "sha256": sha256.lower(), "owner": "project"}
