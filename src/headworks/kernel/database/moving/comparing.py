"""Holding a table against its copy, row by row."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.database.moving.rows import Row, behind, key_of, named
from headworks.kernel.database.moving.stored import stored
from headworks.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Table

    from headworks.kernel.database.database import Database


class Different(Conflict):
    """The copy is none."""

    code = "store_copy_differs"
    title = "The copy differs"


@dataclass(frozen=True, slots=True)
class Compared:
    """A table that is the same on both sides."""

    table: str
    rows: int
    digest: str
    """SHA-256 over all its rows, the same in every database."""


async def compare(
    source: Database, target: Database, table: Table, batch: int, advance: Callable[[int], None]
) -> Compared:
    """Every row with every column; `advance` hears of each batch. Raises Different, naming the first row that is not the same."""
    plain = stored(table)
    digest, count, key = hashlib.sha256(), 0, None
    while True:
        ours, theirs = await asyncio.gather(behind(source, plain, key, batch), behind(target, plain, key, batch))
        if ours != theirs:
            raise Different(_difference(plain, ours, theirs))
        if not ours:
            return Compared(table.name, count, digest.hexdigest())
        for row in ours:
            digest.update(json.dumps(row, default=str).encode())
        count += len(ours)
        key = key_of(plain, ours[-1])
        advance(len(ours))


def _difference(table: Table, ours: Sequence[Row], theirs: Sequence[Row]) -> str:
    """Says no values but the key: some are hashes of secrets, others are people's names."""
    here, there = ({key_of(table, row): row for row in rows} for rows in (ours, theirs))
    # Both are what follows the same key, in one order; the first that differs is not beyond the end of either.
    key = min(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
    if key not in there:
        return f"{named(table, key)} is missing in the copy."
    if key not in here:
        return f"{named(table, key)} is in the copy alone."
    pairs = zip(table.columns, here[key], there[key], strict=True)
    columns = [column.name for column, one, other in pairs if one != other]
    return f"{named(table, key)} is another in the copy: {', '.join(columns)} differ."
