"""Exports, written to a file while they come, or put into the installation's object store."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.records import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.entrypoints.cli.client import Client

_HERE = Path("-")

Store = Annotated[
    Literal["csv", "parquet"] | None,
    typer.Option(help="Put all of them into the object store in this format, and show a link to the file."),
]
"""Of commands that export."""


@dataclass(frozen=True, slots=True)
class File:
    """Where to, and as what."""

    path: Path
    format: str


def wish(csv: Path | None, parquet: Path | None) -> File | None:
    """Raises Failure when both are wanted."""
    if csv is not None and parquet is not None:
        message = "--csv and --parquet exclude each other; run it twice."
        raise Failure(message)
    if csv is not None:
        return File(csv, "csv")
    return None if parquet is None else File(parquet, "parquet")


def save(client: "Client", path: str, query: "Mapping[str, Any]", file: File) -> None:
    """The file is there whole or, where it breaks off, not at all. Raises Refused, Unreachable, Failure."""
    asked = {name: value for name, value in {**query, "format": file.format}.items() if value is not None}
    if file.path == _HERE:
        for piece in client.pieces(path, asked):
            typer.get_binary_stream("stdout").write(piece)
        return
    part = file.path.with_name(f"{file.path.name}.part")
    try:
        with part.open("wb") as out:
            for piece in client.pieces(path, asked):
                out.write(piece)
        os.replace(part, file.path)  # noqa: PTH105 - the same, and as atomic
    except OSError as error:
        message = f"cannot write {file.path}: {error.strerror}."
        raise Failure(message) from error
    finally:
        part.unlink(missing_ok=True)
    note(f"Written to {file.path}.")


def put(client: "Client", path: str, query: "Mapping[str, Any]", form: str, *, as_json: bool) -> None:
    """Raises Refused, Unreachable, Failure."""
    from rich.console import Console  # noqa: PLC0415 - for who waits

    asked = {name: value for name, value in {**query, "format": form}.items() if value is not None}
    told: dict[str, Any] = {}
    with Console(stderr=True).status("Storing") as status:
        for line in client.lines(path, asked, method="POST"):
            told = json.loads(line)
            status.update(f"Storing: {told['bytes']:,} bytes")
    if error := told.get("error"):
        raise Failure(error["message"], code=error["code"])
    if not told.get("link"):
        raise Failure("the server did not say where it lies; try again.")
    if as_json:
        say_json(told)
        return
    until = text(told, "link_expires_at")
    note(f"Stored as {told['name']}, {told['bytes']:,} bytes. Whoever has the link may read it until {until}:")
    say(told["link"])
