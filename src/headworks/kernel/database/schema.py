"""Bringing a context's database to the schema that this code wants, before anything is served.

A new file gets its tables at once, an old one is migrated by Alembic; a test holds that both give the same schema. Alembic
is loaded only when there is something to migrate, since a start that finds all in order is what people wait for.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import MetaData

MIGRATIONS = Path(__file__).parents[2] / "migrations"
"""Alembic's script folder; each context's steps lie in `<context>/versions`."""

_VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a context, and the migration that leads to them."""

    context: str
    metadata: MetaData
    head: str
    """Revision of the newest migration; a test compares it with the scripts."""


class SchemaTooNew(HeadworksError):
    """The data was written by a newer Headworks. Half-understood data is not served."""

    code = "schema_too_new"
    title = "The data folder belongs to a newer version"


class SchemaUnreadable(HeadworksError):
    """The file is damaged, or cannot be written."""

    code = "schema_unreadable"
    title = "A database cannot be used"


def prepare_schema(path: Path, schema: Schema) -> None:
    """Make the SQLite file at `path` fit `schema`. Raises SchemaTooNew, SchemaUnreadable; safe to run twice."""
    try:
        revision = stored_revision(path)
        if revision is None:
            _create(path, schema)
        elif revision != schema.head:
            _migrate(path, schema, revision)
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise SchemaUnreadable(
            f"The database {path} cannot be used: {error}. Look at the disk, or restore the file from a backup."
        ) from error


def stored_revision(path: Path) -> str | None:
    """The revision that the file says it has; None where there are no tables yet."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return str(row[0]) if row else None


def _create(path: Path, schema: Schema) -> None:
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    try:
        with engine.connect() as connection:
            # Kept in the file: readers and the one writer do not wait for each other.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            # One transaction, so that a kill leaves no tables or all of them.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            schema.metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(_VERSION_TABLE)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (schema.head,))
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def migration_config(path: Path, schema: Schema) -> Config:
    """What Alembic needs to migrate the SQLite file at `path`; also for tests, and for writing a new migration."""
    from alembic.config import Config  # noqa: PLC0415 - a quarter of a second and 10 MB that most starts save

    config = Config()
    config.set_main_option("script_location", _literal(MIGRATIONS))
    config.set_main_option("version_locations", _literal(MIGRATIONS / schema.context / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes["url"] = f"sqlite:///{path}"
    config.attributes["metadata"] = schema.metadata
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
