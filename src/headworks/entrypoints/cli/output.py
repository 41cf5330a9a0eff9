"""What commands print: tables for people, JSON for programs, and secrets alone on standard output.

Text for people that is not the answer itself goes to standard error, so that `$(headworks …)` holds the answer only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import typer

from headworks.entrypoints.cli.records import Record, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Column: TypeAlias = tuple[str, Callable[[Record], str]]
"""A title, and what stands under it for a record."""

_PIPE_WIDTH = 100_000
"""Wide enough that a table which goes to a file or another program is never wrapped."""


def say(*lines: str) -> None:
    """Lines of the answer, on standard output."""
    for line in lines:
        typer.echo(printable(line))


def note(*lines: str) -> None:
    """Lines beside the answer, on standard error."""
    for line in lines:
        typer.echo(printable(line), err=True)


def say_json(data: object) -> None:
    """The API's `data`, as JSON."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def tell(data: Record, sentence: str, *, as_json: bool) -> None:
    """What a command did: the API's `data` for programs, a sentence for people."""
    if as_json:
        say_json(data)
    else:
        say(sentence)


def say_list(columns: Sequence[Column], found: Sequence[Record], *, as_json: bool, empty: str) -> None:
    """What a command found: JSON for programs, a table for people, and what to do where there is nothing yet."""
    if as_json:
        say_json(found)
    elif found:
        say_table(columns, found)
    else:
        note(empty)


def day(field: str) -> Callable[[Record], str]:
    """A column's day of a time of the API."""
    return lambda record: text(record, field)[:10]


def minute(record: Record, field: str, missing: str = "-") -> str:
    """A time of the API, to the minute: `2026-01-31T09:30:00.000000Z` as `2026-01-31 09:30`."""
    return text(record, field, missing)[:16].replace("T", " ")


def field(name: str, missing: str = "") -> Callable[[Record], str]:
    """A column that shows a field as it is."""
    return lambda record: text(record, name, missing)


def say_table(columns: Sequence[Column], rows: Iterable[Record], *, right: frozenset[str] = frozenset()) -> None:
    """A row for each record. Columns named in `right` are aligned to the right, as numbers are."""
    from rich.console import Console  # noqa: PLC0415 - a fifth of a second that `--json` and `--help` save
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, _ in columns:
        table.add_column(Text(title), justify="right" if title in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(render(row))) for _, render in columns))
    # Standard output is asked for now, not when the module was loaded: tests and pipes replace it.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(table)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 request`, `1,200 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or f'{noun}s'}"


def printable(value: str) -> str:
    """`value` on one line, with what does not print spelled out: a name from elsewhere must not steer the terminal."""
    return "".join(character if character.isprintable() else _escaped(character) for character in value)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
