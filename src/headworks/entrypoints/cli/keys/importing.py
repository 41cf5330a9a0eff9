"""Letting other gateways' keys go on working."""

import re
from typing import Annotated

import typer

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.find import find
from headworks.entrypoints.cli.output import counted, say, say_json
from headworks.entrypoints.cli.records import records, text
from headworks.entrypoints.cli.session import AsJson, connect

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def import_keys(
    context: typer.Context,
    file: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="Lines of a SHA-256 (hex) and a name; - for standard input."),
    ],
    project: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="Id or name of their project.  [default: yours]")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let another gateway's keys go on working here, by their hashes: all of them or none. For operators."""
    wishes = [_import(number, line) for number, line in enumerate(file, 1) if line.strip()]
    with connect(context) as client:
        if project is not None:
            project_id = text(find(client, "/projects", "project", project), "id")
            wishes = [{**wish, "project_id": project_id} for wish in wishes]
        answer = client.call("POST", "/keys/bulk", body={"keys": wishes})
    made = records(answer.get("data"))
    if as_json:
        say_json(made)
        return
    say(f"Imported {counted(len(made), 'key')}.")


def _import(number: int, line: str) -> dict[str, object]:
    sha256, _, name = line.strip().partition(" ")
    if not _SHA256.fullmatch(sha256):
        raise BadUsage(
            f"line {number} does not begin with a SHA-256 of 64 hex digits.", "Did you mean a file of hashes?"
        )
    return {"name": name.strip() or f"Imported {sha256[:8]}", "sha256": sha256.lower(), "owner": "project"}
