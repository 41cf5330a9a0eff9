"""Changes that look first whether they were made already, so that a step can be taken again.

MariaDB and MySQL commit each statement that changes a table: a step that dies in the middle is begun anew from its start, and must
pass over what is done already. `IF NOT EXISTS` is not the same in all databases; looking is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op
from sqlalchemy import Column, inspect

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def has_table(table: str) -> bool:
    """Whether the table is there."""
    return inspect(op.get_bind()).has_table(table)


def has_column(table: str, column: str) -> bool:
    """Whether the table has the column."""
    return any(found["name"] == column for found in inspect(op.get_bind()).get_columns(table))


def has_index(table: str, index: str) -> bool:
    """Whether the table has the index."""
    return any(found["name"] == index for found in inspect(op.get_bind()).get_indexes(table))


def create_table(table: str, *items: SchemaItem) -> None:
    """Make a table, unless it is there."""
    if not has_table(table):
        op.create_table(table, *items)


def add_columns(table: str, *columns: Column[object]) -> None:
    """Add those columns that are not there."""
    for column in columns:
        if not has_column(table, str(column.name)):
            op.add_column(table, column)


def create_index(index: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    """Make an index, unless it is there."""
    if not has_index(table, index):
        op.create_index(index, table, columns, unique=unique)
