"""What a new installation gets at once is what an old one gets by migrations, for every context."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from headworks.catalog.adapters.tables import SCHEMA as CATALOG
from headworks.gateway.adapters.tables import SCHEMA as GATEWAY
from headworks.identity.adapters.tables import SCHEMA as IDENTITY
from headworks.kernel.bus.adapters.sqlite import SCHEMA as BUS
from headworks.kernel.database import Schema, prepare_schema
from headworks.kernel.database.schema import MIGRATIONS, migration_config
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.limits.adapters.tables import SCHEMA as LIMITS
from headworks.usage.adapters.tables import SCHEMA as USAGE

SCHEMAS = [IDENTITY, CATALOG, GATEWAY, LIMITS, USAGE, LEDGER, BUS]

each_context = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.context)


def test_every_folder_of_versions_is_tested() -> None:
    assert {folder.parent.name for folder in MIGRATIONS.glob("*/versions")} == {schema.context for schema in SCHEMAS}


@each_context
def test_the_head_is_that_of_the_scripts(schema: Schema, tmp_path: Path) -> None:
    scripts = ScriptDirectory.from_config(migration_config(tmp_path / "x", schema))
    assert scripts.get_heads() == [schema.head]


@each_context
def test_a_new_database_equals_a_migrated_one(schema: Schema, tmp_path: Path) -> None:
    prepare_schema(tmp_path / "new", schema)
    command.upgrade(migration_config(tmp_path / "migrated", schema), "head")
    assert contents(tmp_path / "new") == contents(tmp_path / "migrated")


@each_context
def test_every_step_can_be_taken_back_and_again(schema: Schema, tmp_path: Path) -> None:
    config: Config = migration_config(tmp_path / "x", schema)
    command.upgrade(config, "head")
    before = contents(tmp_path / "x")
    command.downgrade(config, "base")
    assert set(contents(tmp_path / "x")) <= {schema.file_version_table}
    command.upgrade(config, "head")
    assert contents(tmp_path / "x") == before


@each_context
def test_an_old_database_is_migrated_at_the_start(schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "x"
    first = ScriptDirectory.from_config(migration_config(path, schema)).get_base()
    assert first is not None
    command.upgrade(migration_config(path, schema), first)
    prepare_schema(path, schema)
    prepare_schema(tmp_path / "new", schema)
    assert contents(path) == contents(tmp_path / "new")


def contents(path: Path) -> dict[str, object]:
    """Tables and indexes as SQLite keeps them, without regard to how the text is set or in which order columns' rules stand."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        columns = {
            name: connection.execute("SELECT * FROM pragma_table_xinfo(?)", [name]).fetchall() for name, _ in rows
        }
    return {name: (_pieces(sql), columns[name]) for name, sql in rows}


def _pieces(sql: str) -> list[str]:
    plain = re.sub(r"\s+", " ", sql.replace('"', ""))
    head, _, body = plain.partition("(")
    return [
        head.strip(),
        *sorted(piece.strip() for piece in re.split(r",(?![^()]*\))", body.strip().removesuffix(")"))),
    ]


def test_providers_that_were_there_go_on_at_private_addresses(tmp_path: Path) -> None:
    """They were added when the installation allowed it to all; those that come later are asked who adds them."""
    path = tmp_path / "catalog.sqlite3"
    command.upgrade(migration_config(path, CATALOG), "0001")
    columns = "id, organization_id, name, dialect, base_url, origin, credential_version, created_at, updated_at, live"
    insert = (
        f"INSERT INTO providers ({columns}) VALUES (?, 'org_1', ?, 'openai', 'http://gpu/v1', 'manual', 0, 0, 0, 1)"  # noqa: S608
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(insert, ("prv_1", "old"))
    prepare_schema(path, CATALOG)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(insert, ("prv_2", "new"))
        found = connection.execute("SELECT name, private_network FROM providers ORDER BY name").fetchall()
        assert connection.execute("SELECT count(*) FROM catalog_audit_trail").fetchone() == (0,)
    assert found == [("new", 0), ("old", 1)]
