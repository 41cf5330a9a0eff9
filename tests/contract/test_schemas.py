"""The tables of every context on every database: made at once, made step by step, migrated with data, cut in the middle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, Index, Integer, Table, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from headworks.bootstrap.databases import SCHEMAS
from headworks.kernel.database import (
    Address,
    DatabaseUnavailable,
    Exact,
    Schema,
    SchemaNotReady,
    SchemaTooNew,
    new_metadata,
    server_schema,
)
from headworks.kernel.database.inline import DRIVER
from headworks.kernel.database.schema import prepare_schema, script_config
from headworks.kernel.database.server_schema import check, migrate, standing
from headworks.kernel.secrets import Secret
from tests.support.databases import ENGINES, LIMITS, SERVERS, Databases
from tests.support.schemas import Rows, contents, fill, reread, tables

T = TypeVar("T")

on_every_database = pytest.mark.parametrize("engine", ENGINES)
on_servers = pytest.mark.parametrize("engine", SERVERS)
each_context = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.context)

REPLACED = "usage_totals"
"""The one table that a newer version does without: it adds up anew, from the records, what the table held."""


class Home:
    """A database without tables, and a context's way into it."""

    def __init__(self, engine: str, databases: Databases, folder: Path) -> None:
        self.is_file = engine == "sqlite"
        self.path = folder / "x.sqlite3"
        self.address: Address | None = None if self.is_file else databases.new(engine)

    def on_server(self) -> Address:
        assert self.address is not None
        return self.address

    def make(self, schema: Schema) -> None:
        """As Headworks does, whatever is there now."""
        if self.is_file:
            prepare_schema(self.path, schema)
        else:
            asyncio.run(migrate(self.on_server(), schema, LIMITS))

    def take_steps(self, schema: Schema, to: str = "head") -> None:
        """By the scripts alone, and leave it as an older version would have."""

        def upgrade(connection: Connection) -> None:
            config = script_config(schema, self.version_table(schema))
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()

        self.look(upgrade)

    def version_table(self, schema: Schema) -> str:
        return schema.file_version_table if self.is_file else schema.version_table

    def tables(self, schema: Schema) -> list[str]:
        return [self.version_table(schema), *(table.name for table in schema.metadata.sorted_tables)]

    def contents(self, schema: Schema) -> dict[str, object]:
        return self.look(lambda connection: contents(connection, self.tables(schema)))

    def fill(self, schema: Schema) -> dict[str, Rows]:
        """Rows in every table that is there."""
        unfilled = {self.version_table(schema), server_schema.NOTES}
        return self.look(lambda found: fill(found, tables(found) - unfilled))

    def reread(self, before: dict[str, Rows]) -> dict[str, Rows]:
        """What is in those tables now."""
        return self.look(lambda found: reread(found, before))

    def days_to_be_made_anew(self) -> set[date]:
        """What usage noted, to be added up from its records."""
        rows = self.look(lambda found: found.execute(text("SELECT day_s FROM usage_pending_days")).scalars().all())
        return {date(1970, 1, 1) + timedelta(seconds=day_s) for day_s in rows}

    def look(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives on a connection of its own."""
        url = f"{DRIVER}:///{self.path}" if self.is_file else self.on_server().url()

        async def run() -> T:
            engine = create_async_engine(url)
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(work)
            finally:
                await engine.dispose()

        return asyncio.run(run())


@pytest.fixture
def home(engine: str, databases: Databases, tmp_path: Path) -> Home:
    return Home(engine, databases, tmp_path)


@pytest.fixture
def second_home(engine: str, databases: Databases, tmp_path: Path) -> Home:
    (tmp_path / "second").mkdir()
    return Home(engine, databases, tmp_path / "second")


# --- The schemas of the contexts. ---


def test_contexts_can_share_a_database() -> None:
    names = [name for schema in SCHEMAS for name in (schema.version_table, *schema.metadata.tables)]
    assert sorted(names) == sorted(set(names))
    assert server_schema.NOTES not in names


@each_context
def test_revisions_rise(schema: Schema) -> None:
    revisions = [script.revision for script in _scripts(schema).walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(re.fullmatch(r"[0-9]{4}", revision) for revision in revisions)
    assert (schema.serves or schema.head) in revisions


@on_every_database
@each_context
def test_models_and_migrations_say_the_same(home: Home, schema: Schema) -> None:
    home.take_steps(schema)

    def compare(connection: Connection) -> list[Any]:
        ours = set(schema.metadata.tables)
        options = {"include_name": lambda name, kind, _: kind != "table" or name in ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata))

    assert home.look(compare) == []


@on_servers
@each_context
def test_made_at_once_equals_made_by_steps(home: Home, second_home: Home, schema: Schema) -> None:
    home.make(schema)
    second_home.take_steps(schema)
    assert home.contents(schema) == second_home.contents(schema)
    assert set(home.contents(schema)) == set(home.tables(schema))


@on_every_database
@each_context
def test_data_of_every_older_version_comes_along(
    engine: str, databases: Databases, tmp_path: Path, schema: Schema
) -> None:
    revisions = [script.revision for script in _scripts(schema).walk_revisions()]
    for number, revision in enumerate(revisions):
        folder = tmp_path / str(number)
        folder.mkdir()
        home = Home(engine, databases, folder)
        home.take_steps(schema, revision)
        before = home.fill(schema)
        assert before
        totals = before.pop(REPLACED, [])
        home.make(schema)
        assert home.reread(before) == before
        if totals:
            assert home.days_to_be_made_anew() == {row["day"] for row in totals}


def _scripts(schema: Schema) -> ScriptDirectory:
    return ScriptDirectory.from_config(script_config(schema, "any"))


# --- Migrating, on a context of two steps that exists for these tests alone. ---

STEP = '''"""{title}"""
import sqlalchemy as sa
from alembic import op
from headworks.kernel.database import Exact
from headworks.migrations.steps import has_column, has_index, has_table
revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None


def upgrade():
{body}
'''
FIRST = """
    op.create_table(
        "pets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pets"),
    )
"""
SECOND = """
    if not has_column("pets", "legs"):
        op.add_column("pets", sa.Column("legs", sa.Integer(), server_default="4", nullable=False))
    if not has_index("pets", "ix_pets_legs"):
        op.create_index("ix_pets_legs", "pets", ["legs"])
    if not has_table("toys"):
        op.create_table(
            "toys",
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("name", Exact(64), nullable=False),
            sa.PrimaryKeyConstraint("id", name="pk_toys"),
        )
"""


def pets(folder: Path, head: str, serves: str = "") -> Schema:
    """The context as the version with that head knows it; a version knows no later step."""
    scripts = folder / f"scripts-{head}"
    versions = scripts / "pets" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / "0001_pets.py").write_text(STEP.format(title="Pets", revision="0001", before=None, body=FIRST))
    metadata = new_metadata()
    columns: list[Any] = [Column("id", Integer, primary_key=True), Column("name", Exact(64), nullable=False)]
    if head == "0002":
        (versions / "0002_legs.py").write_text(STEP.format(title="Legs", revision="0002", before="0001", body=SECOND))
        columns += [Column("legs", Integer, server_default="4", nullable=False), Index(None, "legs")]
        Table("toys", metadata, Column("id", Integer, primary_key=True), Column("name", Exact(64), nullable=False))
    Table("pets", metadata, *columns)
    return Schema("pets", metadata, head, serves, scripts)


def state(home: Home, schema: Schema) -> str:
    return asyncio.run(standing(home.on_server(), schema, LIMITS)).condition


def refused(home: Home, schema: Schema) -> str:
    with pytest.raises((SchemaNotReady, SchemaTooNew)) as caught:
        asyncio.run(check(home.on_server(), schema, LIMITS))
    assert str(home.address) in caught.value.message
    return caught.value.message


@on_every_database
def test_an_old_database_is_migrated_with_its_data(home: Home, second_home: Home, tmp_path: Path) -> None:
    old, new = pets(tmp_path, "0001"), pets(tmp_path, "0002")
    home.make(old)
    before = home.fill(old)
    home.make(new)
    home.make(new)
    assert home.reread(before) == before
    second_home.make(new)
    if not home.is_file:  # tests/unit/migrations compares files
        assert home.contents(new) == second_home.contents(new)


@on_servers
def test_a_start_changes_nothing_and_says_what_to_run(home: Home, tmp_path: Path) -> None:
    old, new = pets(tmp_path, "0001"), pets(tmp_path, "0002")
    assert "not there yet; run: headworks db migrate" in refused(home, old)
    assert home.look(lambda connection: inspect(connection).get_table_names()) == []
    home.make(old)
    asyncio.run(check(home.on_server(), old, LIMITS))
    assert state(home, new) == "behind"
    assert "schema 0001, this version needs 0002); run: headworks db migrate" in refused(home, new)
    assert state(home, old) == "current"


@on_servers
def test_old_code_serves_from_newer_tables_where_those_say_so(home: Home, tmp_path: Path) -> None:
    old = pets(tmp_path, "0001")
    home.make(pets(tmp_path, "0002"))
    assert "newer version of Headworks, or are being made (schema 0002 as yet, this version knows 0001)" in refused(
        home, old
    )
    with pytest.raises(SchemaTooNew):
        home.make(old)
    other = pets(tmp_path, "0002", serves="0001")
    home.look(lambda connection: _say_what_it_serves(connection, other))
    assert state(home, old) == "compatible"
    asyncio.run(check(home.on_server(), old, LIMITS))
    home.make(old)
    assert state(home, other) == "current"


def _say_what_it_serves(connection: Connection, schema: Schema) -> None:
    connection.exec_driver_sql(f"UPDATE {server_schema.NOTES} SET serves = '{schema.serves}'")  # noqa: S608 - no input


@on_servers
def test_a_step_that_only_adds_notes_that_old_code_goes_on(home: Home, tmp_path: Path) -> None:
    old = pets(tmp_path, "0001")
    home.make(old)
    home.make(pets(tmp_path, "0002", serves="0001"))
    asyncio.run(check(home.on_server(), old, LIMITS))


@on_servers
def test_several_that_migrate_at_once_get_one_migration(home: Home, second_home: Home, tmp_path: Path) -> None:
    old, new = pets(tmp_path, "0001"), pets(tmp_path, "0002")

    async def all_at_once(schema: Schema) -> list[str]:
        done = await asyncio.gather(*(migrate(home.on_server(), schema, LIMITS) for _ in range(4)))
        return sorted(before.condition for before in done)

    assert asyncio.run(all_at_once(old)) == ["current", "current", "current", "missing"]
    assert asyncio.run(all_at_once(new)) == ["behind", "current", "current", "current"]
    second_home.make(new)
    assert home.contents(new) == second_home.contents(new)


@on_servers
def test_tables_of_somebody_else_are_left_alone(home: Home, tmp_path: Path) -> None:
    home.look(lambda connection: connection.exec_driver_sql("CREATE TABLE pets (id int)"))
    with pytest.raises(SchemaNotReady, match="a table 'pets' already"):
        home.make(pets(tmp_path, "0001"))
    with pytest.raises(SchemaNotReady, match="a table 'pets' already"):
        home.make(pets(tmp_path, "0001"))
    assert home.look(lambda connection: len(inspect(connection).get_columns("pets"))) == 1


@on_servers
def test_what_a_newer_version_has_begun_is_not_ended_by_an_older_one(home: Home, tmp_path: Path) -> None:
    """Whatever it serves when it is done: only half of it is there."""
    old, new = pets(tmp_path, "0001"), pets(tmp_path, "0002", serves="0001")
    home.make(new)
    begun = f"UPDATE {server_schema.NOTES} SET migrating_to = '0003'"  # noqa: S608 - no input
    home.look(lambda connection: connection.exec_driver_sql(begun))
    for schema in (old, new):
        assert "newer version" in refused(home, schema)
        with pytest.raises(SchemaTooNew):
            home.make(schema)


@on_servers
def test_a_role_without_rights_is_told_so(engine: str, databases: Databases, tmp_path: Path) -> None:
    address = databases.new(engine)
    server = databases.servers.get(engine)
    if engine == "postgresql":
        server.run("CREATE ROLE reader LOGIN PASSWORD 'canary'")
    else:
        server.run("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'canary'; GRANT SELECT ON *.* TO reader@'127.0.0.1'")
    reader = Address.parse(Secret(f"{server.scheme}://reader:canary@127.0.0.1:{server.port}/{address.database}"))
    with pytest.raises(DatabaseUnavailable, match=r"cannot be used: .*denied") as caught:
        asyncio.run(migrate(reader, pets(tmp_path, "0001"), LIMITS))
    assert "canary" not in str(caught.value)


class Cut(Exception):
    """The process died."""


@pytest.fixture
def cut_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None], list[str]]]:
    """Let a migration die after so many statements that change tables; returns the statements as they come."""
    made: list[AsyncEngine] = []
    limit: list[int | None] = [None]
    seen: list[str] = []

    def engine(*args: Any, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as SQLAlchemy's
        new = create_async_engine(*args, **options)
        made.append(new)
        event.listen(new.sync_engine, "after_cursor_execute", executed)
        return new

    def executed(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if re.match(r"\s*(CREATE|ALTER|DROP)\b", statement):
            seen.append(statement)
            if len(seen) == limit[0]:
                raise Cut

    def arm(count: int | None) -> list[str]:
        limit[0] = count
        seen.clear()
        return seen

    monkeypatch.setattr(server_schema, "create_async_engine", engine)
    yield arm
    assert all(isinstance(new.sync_engine, Engine) for new in made)


@on_servers
@pytest.mark.parametrize("from_nothing", [True, False])
def test_a_migration_that_dies_anywhere_is_taken_up_again(
    engine: str,
    databases: Databases,
    tmp_path: Path,
    second_home: Home,
    cut_after: Callable[[int | None], list[str]],
    *,
    from_nothing: bool,
) -> None:
    old, new = pets(tmp_path, "0001"), pets(tmp_path, "0002")
    statements = cut_after(None)
    if not from_nothing:
        second_home.make(old)
        cut_after(None)
    second_home.make(new)
    wanted, count = second_home.contents(new), len(statements)
    assert count >= 3
    for number in range(1, count + 1):
        cut_after(None)
        home = Home(engine, databases, tmp_path)
        before = None
        if not from_nothing:
            home.make(old)
            before = home.fill(old)
        cut_after(number)
        with pytest.raises(Cut):
            home.make(new)
        cut_after(None)
        untouched = "missing" if from_nothing else "behind"
        # PostgreSQL takes it all back. The first thing that is made anywhere is the table of notes.
        only_notes = from_nothing and number == 1
        assert state(home, new) == (untouched if engine == "postgresql" or only_notes else "half migrated")
        assert "headworks db migrate" in refused(home, new)
        home.make(new)
        assert state(home, new) == "current"
        assert home.contents(new) == wanted
        if before is not None:
            assert home.reread(before) == before
