"""Finding a thing, and changing it, by what people call it: its id, or a name that only one has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from headworks.entrypoints.cli.failures import Refused
from headworks.entrypoints.cli.records import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.entrypoints.cli.client import Client
    from headworks.entrypoints.cli.records import Record


def find(client: Client, path: str, noun: str, wanted: str, fields: Sequence[str] = ("name",)) -> Record:
    """The one of the list at `path` whose id, or one of whose fields, is `wanted`, whatever its case.

    Raises Refused when there is none, or more than one.
    """
    everything = client.everything(path)
    for one in everything:
        if text(one, "id") == wanted:
            return one
    named = [one for one in everything if wanted.casefold() in [text(one, field).casefold() for field in fields]]
    if len(named) == 1:
        return named[0]
    if not named:
        raise Refused(f"there is no {noun} with the id or {' or '.join(fields)} {wanted!r}.")
    ids = ", ".join(text(one, "id") for one in named)
    raise Refused(f"{len(named)} {noun}s are called {wanted!r}.", f"Name one by its id: {ids}.")


def path_of(path: str, found: Record) -> str:
    """Where a thing of the list at `path` is."""
    return f"{path}/{quote(text(found, 'id'), safe='')}"


def edit(
    client: Client, path: str, noun: str, wanted: str, change: Record, fields: Sequence[str] = ("name",)
) -> Record:
    """Change what `find` finds, and return it."""
    return client.patch(path_of(path, find(client, path, noun, wanted, fields)), change)
