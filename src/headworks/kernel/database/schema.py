"""Bringing a context's SQLite file to the schema that this code wants, before anything is served; `server_schema` is for servers.

A new file gets its tables at once, an old one is migrated by Alembic; a test holds that both give the same schema. Alembic
is loaded only when there is something to migrate, since a start that finds all in order is what people wait for.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import MetaData

MIGRATIONS = Path(__file__).parents[2] / "migrations"
"""Alembic's script folder; each context's steps lie in `<context>/versions`."""

FILE_VERSION_TABLE: Final = "alembic_version"
"""In a file of its own a context needs no other name."""


def version_table_ddl(name: str) -> str:
    """As Alembic makes it."""
    return f"CREATE TABLE {name} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {name}_pkc PRIMARY KEY (version_num))"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a context, and the migration that leads to them."""

    context: str
    metadata: MetaData
    head: str
    """Revision of the newest migration: four digits that rise; a test compares it with the scripts."""
    serves: str = ""
    """The oldest head whose code still works on these tables, so that a new version can be rolled out beside an old one.

    Empty for none but this one. Steps that only add leave it as it was; a step that takes away raises it.
    """
    scripts: Path = MIGRATIONS
    """Where `<context>/versions` lies."""
    beside: str = ""
    """The context in whose database it lies, where it has none of its own: what is in both is changed in one transaction."""

    @property
    def version_table(self) -> str:
        """The table of its revision where several contexts share a database."""
        return f"{self.context}_schema_version"

    @property
    def file_version_table(self) -> str:
        """The table of its revision in an SQLite file."""
        return self.version_table if self.beside else FILE_VERSION_TABLE


Condition = Literal["current", "compatible", "missing", "behind", "half migrated", "half moved", "newer"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the schema of a context stands."""

    condition: Condition
    """`compatible` is newer than this code, and says that this code may serve."""
    stored: str | None
    """The revision that the tables have; None before the first."""
    wanted: str
    passes_walls: bool = False
    """Whether the role there is above PostgreSQL's row-level security, which then holds nobody to their own rows."""

    @property
    def may_serve(self) -> bool:
        """Whether this code works on these tables."""
        return self.condition in {"current", "compatible"}


class SchemaTooNew(HeadworksError):
    """The data was written by a newer Headworks. Half-understood data is not served."""

    code = "schema_too_new"
    title = "The data folder belongs to a newer version"


class SchemaNotReady(HeadworksError):
    """The tables are not there, are older than this code, or are being changed."""

    code = "schema_not_ready"
    title = "The database must be migrated first"


class SchemaUnreadable(HeadworksError):
    """The file is damaged, or cannot be written."""

    code = "schema_unreadable"
    title = "A database cannot be used"


def prepare_schema(path: Path, schema: Schema) -> None:
    """Make the SQLite file at `path` fit `schema`. Raises SchemaTooNew, SchemaUnreadable; safe to run twice."""
    try:
        revision = stored_revision(path, schema)
        if revision is None:
            _create(path, schema)
        elif revision != schema.head:
            _migrate(path, schema, revision)
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise _unreadable(path, error) from error


def file_standing(path: Path, schema: Schema) -> Standing:
    """How the file's tables stand. Raises SchemaUnreadable."""
    try:
        stored = stored_revision(path, schema, only_reads=True)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    if stored is None:
        return Standing("missing", stored, schema.head)
    condition: Condition = "current" if stored == schema.head else "newer" if stored > schema.head else "behind"
    return Standing(condition, stored, schema.head)


def stored_revision(path: Path, schema: Schema, *, only_reads: bool = False) -> str | None:
    """The revision that the file says `schema` has; None where its tables are not there yet.

    With `only_reads` the file and its log stay as they are; else SQLite copies what a kill has left in the log.
    """
    if not path.exists():
        return None
    table = schema.file_version_table
    opened = f"file:{quote(str(path))}" + ("?mode=ro" if only_reads else "")
    with closing(sqlite3.connect(opened, uri=True)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        # The name is ours.
        row = connection.execute(f"SELECT version_num FROM {table}").fetchone() if known else None  # noqa: S608
    return str(row[0]) if row else None


def _unreadable(path: Path, error: Exception) -> SchemaUnreadable:
    return SchemaUnreadable(
        f"The database {path} cannot be used: {error}. Look at the disk, or restore the file from a backup."
    )


def _create(path: Path, schema: Schema) -> None:
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    try:
        with engine.connect() as connection:
            # Kept in the file: readers and the one writer do not wait for each other.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            # One transaction, so that a kill leaves no tables or all of them.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            schema.metadata.create_all(connection, checkfirst=False)
            table = schema.file_version_table
            connection.exec_driver_sql(version_table_ddl(table))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES (?)", (schema.head,))  # noqa: S608 - a name of ours
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def migration_config(path: Path, schema: Schema) -> Config:
    """What Alembic needs to migrate the SQLite file at `path`; also for tests, and for writing a new migration."""
    config = script_config(schema, schema.file_version_table)
    config.attributes["url"] = f"sqlite:///{path}"
    return config


def script_config(schema: Schema, version_table: str) -> Config:
    """Where Alembic finds the context's steps, and where it notes which were taken. Whoever calls says which database."""
    from alembic.config import Config  # noqa: PLC0415 - a quarter of a second and 10 MB that most starts save

    config = Config()
    config.set_main_option("script_location", _literal(MIGRATIONS))
    config.set_main_option("version_locations", _literal(schema.scripts / schema.context / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes["metadata"] = schema.metadata
    config.attributes["version_table"] = version_table
    return config


def _migrate(path: Path, schema: Schema, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    try:
        command.upgrade(migration_config(path, schema), "head")
    except CommandError as error:
        raise SchemaTooNew(
            f"{path} was written by a newer version of Headworks (schema {revision}, this version knows {schema.head}). "
            "Start that version, or restore a backup.",
            detail=str(error),
        ) from error


def _literal(path: Path) -> str:
    """A path as Alembic's configuration takes it, where `%` has a meaning."""
    return str(path).replace("%", "%%")
