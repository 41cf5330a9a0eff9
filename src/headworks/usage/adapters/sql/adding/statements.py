"""What the statements of all databases have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headworks.usage.adapters.tables import events
from headworks.usage.domain.rollups import COUNTERS
from headworks.usage.domain.rows import ADDED, OWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Table

    from headworks.usage.domain.rows import Row, Subject

    Numbers: TypeAlias = Mapping[Subject, tuple[int, int, int]]
    """Of the source, of the subject, and of the ledger's transaction, which a row points at."""

COLUMNS: Final = ("source_id", "subject_id", "transaction_id", *OWN, *ADDED)
INTO: Final = f"INSERT INTO {events.name} ({', '.join(COLUMNS)}) "
ONCE: Final = " ON CONFLICT (source_id, event_id) DO NOTHING"
SUMMED: Final = ("group_id", "start_s", *COUNTERS)


def into(table: Table) -> str:
    """The beginning of an insert of sums."""
    return f"INSERT INTO {table.name} ({', '.join(SUMMED)}) "


def adding_up(table: Table) -> str:
    """The end of an insert of sums."""
    more = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in COUNTERS)
    return f" ON CONFLICT (group_id, start_s) DO UPDATE SET {more}"


def values(rows: Sequence[Row], numbers: Numbers) -> Iterator[tuple[Any, ...]]:
    """Rows as they are stored, in the order of COLUMNS."""
    return ((*numbers[subject], *own) for subject, own in rows)
