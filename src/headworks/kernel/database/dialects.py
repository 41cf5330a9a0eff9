"""What databases say in their own ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Insert, Table


def unless_there(dialect: str, table: Table) -> Insert:
    """An insert that leaves a row which is there already as it is. `dialect` is SQLAlchemy's name; MariaDB's is MySQL's."""
    insert: Any
    if dialect == "mysql":
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - the words of one database are loaded, not of all

        # INSERT IGNORE would also cut what is too long, and say nothing.
        column = next(iter(table.primary_key))
        insert = mysql.insert(table).on_duplicate_key_update({column.name: column})
    elif dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - as above

        insert = postgresql.insert(table).on_conflict_do_nothing()
    else:
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - as above

        insert = sqlite.insert(table).on_conflict_do_nothing()
    found: Insert = insert
    return found
