"""What a database's catalogue says of its tables, so that two ways to make them can be compared; and rows for any table."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Connection, Date, Integer, LargeBinary, MetaData, Numeric, Table, inspect, select, text

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = """SELECT column_name, data_type, character_maximum_length, collation_name, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = :name ORDER BY column_name"""
_CONSTRAINTS = """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)
ORDER BY conname"""
_INDEXES = (
    """SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :name ORDER BY indexname"""
)
_WALLS = """SELECT relrowsecurity, relforcerowsecurity, polname, polcmd, pg_get_expr(polqual, polrelid)
FROM pg_class LEFT JOIN pg_policy ON polrelid = pg_class.oid WHERE pg_class.oid = CAST(:name AS regclass) ORDER BY polname"""

Rows = list[dict[str, Any]]


def contents(connection: Connection, ours: Iterable[str]) -> dict[str, object]:
    """Each table of a server that is there, of those asked for, in its own words; the order of columns does not matter."""
    present = set(inspect(connection).get_table_names())
    return {name: _describe(connection, name) for name in sorted(present.intersection(ours))}


def _describe(connection: Connection, name: str) -> object:
    if connection.dialect.name == "postgresql":
        found = [
            connection.execute(text(question), {"name": name}).all()
            for question in (_COLUMNS, _CONSTRAINTS, _INDEXES, _WALLS)
        ]
        return [[tuple(row) for row in rows] for rows in found]
    ddl = connection.exec_driver_sql(f"SHOW CREATE TABLE `{name}`").one()[1]
    return sorted(re.sub(r" AUTO_INCREMENT=\d+", "", line).strip().rstrip(",") for line in ddl.splitlines())


def fill(connection: Connection, tables: Iterable[str], *, count: int = 3) -> dict[str, Rows]:
    """Rows in each of the tables as they are now, whatever columns they have; and what is in them then."""
    metadata = MetaData()
    metadata.reflect(connection, only=list(tables))
    for table in metadata.sorted_tables:
        connection.execute(table.insert(), [_row(table, number) for number in range(count)])
    return {table.name: read(connection, table) for table in metadata.sorted_tables}


def tables(connection: Connection) -> set[str]:
    """Those that are there; a partition is no table, but a part of one."""
    found = set(inspect(connection).get_table_names())
    if connection.dialect.name != "postgresql":
        return found
    return found.difference(connection.execute(text("SELECT relname FROM pg_class WHERE relispartition")).scalars())


def read(connection: Connection, table: Table) -> Rows:
    """All rows, in the order of their keys; of those of partitions the first column is the key."""
    ordered = select(table).order_by(*(table.primary_key.columns or table.columns))
    return [dict(row) for row in connection.execute(ordered).mappings()]


def reread(connection: Connection, before: dict[str, Rows]) -> dict[str, Rows]:
    """The same tables and columns, now."""
    found = {}
    for name, rows in before.items():
        table = Table(name, MetaData(), autoload_with=connection)
        found[name] = [{column: row[column] for column in rows[0]} for row in read(connection, table)]
    return found


def _row(table: Table, number: int) -> dict[str, object]:
    """Parents come first and have the same numbers, so that foreign keys hold."""
    row: dict[str, object] = {}
    for column in table.columns:
        if isinstance(column.type, Date):
            row[column.name] = date(2026, 1, 1 + number)
        elif isinstance(column.type, Boolean):
            row[column.name] = True
        elif isinstance(column.type, (Integer, Numeric)):
            row[column.name] = _small(column.name, number)
        elif not isinstance(column.type, LargeBinary):
            # The one rule there is on texts: a key's kind.
            row[column.name] = "inference" if column.name == "kind" else f"{number}"
    return row


def _small(column: str, number: int) -> int:
    """MariaDB's booleans are small integers."""
    return 1 if column in {"live", "enabled", "streamed", "stream_usage"} else number + 1
