"""Lines of an export. Numbers are whole and exact, and no text is taken for a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Format = Literal["csv", "parquet"]
CSV: Final = "csv"
Kind = Literal["whole", "sum", "text", "boolean", "time", "day"]
"""whole: an integer of 64 bits; sum: one that may be larger."""
Line: TypeAlias = "tuple[object, ...]"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Where a spreadsheet takes a text that begins with one of these for something to be computed
(https://owasp.org/www-community/attacks/CSV_Injection)."""


class Column(NamedTuple):
    """Of a table."""

    name: str
    kind: Kind


def csv_line(values: Sequence[object]) -> str:
    """As RFC 4180 has it. What is not there is empty."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return str(value)
