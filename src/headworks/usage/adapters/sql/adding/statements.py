"""What the statements of all databases have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headworks.usage.adapters.tables import events
from headworks.usage.domain.rows import ADDED, OWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headworks.usage.domain.rows import Row, Subject

    Numbers: TypeAlias = Mapping[Subject, tuple[int, int, int]]
    """Of the source, of the subject, and of the ledger's transaction, which a row points at."""

COLUMNS: Final = ("source_id", "subject_id", "transaction_id", *OWN, *ADDED)
INTO: Final = f"INSERT INTO {events.name} ({', '.join(COLUMNS)}) "
ONCE: Final = " ON CONFLICT (source_id, event_id) DO NOTHING"


def values(rows: Sequence[Row], numbers: Numbers) -> Iterator[tuple[Any, ...]]:
    """Rows as they are stored, in the order of COLUMNS."""
    return ((*numbers[subject], *own) for subject, own in rows)
