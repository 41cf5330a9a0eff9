"""Changes that look first whether they were made already, so that a step can be taken again.

MariaDB and MySQL commit each statement that changes a table: a step that dies in the middle is begun anew from its start, and must
pass over what is done already. `IF NOT EXISTS` is not the same in all databases; looking is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, inspect

from headworks.kernel.database import Exact, Long, walls

if TYPE_CHECKING:
    from collections.abc import Collection

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


def drop_foreign_keys(table: str, names: list[str], *written: Column[object]) -> None:
    """Drop those foreign keys that are there; and what MariaDB and MySQL made to look them up by, where nothing else needed it.

    `written` are columns whose default is a text: SQLite makes the table anew, and Alembic puts what it reads there in brackets.
    """
    present = {found["name"] for found in inspect(op.get_bind()).get_foreign_keys(table)}
    if not present.intersection(names) and op.get_bind().dialect.name == "sqlite":
        return
    with op.batch_alter_table(table, reflect_args=written) as altered:
        for name in names:
            if name in present:
                altered.drop_constraint(name, type_="foreignkey")
    for name in names:
        # It bears the key's name.
        if has_index(table, name):
            op.drop_index(name, table)


def create_announcements(context: str) -> None:
    """The tables of `kernel.database.Announcements` as they were first, which later steps may change."""
    table, head = f"{context}_announcements", f"{context}_announcements_head"
    create_table(
        table,
        Column("sequence", BigInteger(), autoincrement=False, nullable=False),
        Column("id", Exact(64), nullable=False),
        Column("kind", Exact(64), nullable=False),
        Column("fields", Long(), nullable=False),
        PrimaryKeyConstraint("sequence", name=f"pk_{table}"),
    )
    create_table(
        head,
        Column("id", Integer(), autoincrement=False, nullable=False),
        Column("sequence", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name=f"pk_{head}"),
    )


def drop_announcements(context: str) -> None:
    """Take that back."""
    op.drop_table(f"{context}_announcements_head")
    op.drop_table(f"{context}_announcements")


def build_walls(*tables: str, shared: Collection[str] = (), **columns: str) -> None:
    """On PostgreSQL, hold each table to the organisation in its `organization_id`, or in the column that is named; see `wall_off`."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column in {**dict.fromkeys(tables, "organization_id"), **columns}.items():
            for statement in walls.building(table, column, shared):
                op.execute(statement)


def remove_walls(*tables: str) -> None:
    """Take that back."""
    if op.get_bind().dialect.name == "postgresql":
        for table in tables:
            for statement in walls.removing(table):
                op.execute(statement)
