"""What a step asks before it changes anything, so that it can be taken again.

MariaDB and MySQL commit each statement that changes a table: a step that dies in the middle is begun anew from its start, and must
pass over what is done already. `IF NOT EXISTS` is not the same in all databases; looking is.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect


def has_table(table: str) -> bool:
    """Whether the table is there."""
    return inspect(op.get_bind()).has_table(table)


def has_column(table: str, column: str) -> bool:
    """Whether the table has the column."""
    return any(found["name"] == column for found in inspect(op.get_bind()).get_columns(table))


def has_index(table: str, index: str) -> bool:
    """Whether the table has the index."""
    return any(found["name"] == index for found in inspect(op.get_bind()).get_indexes(table))
