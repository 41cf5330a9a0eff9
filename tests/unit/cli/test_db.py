"""`headworks db` on files; on servers it is run by tests/e2e."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headworks.bootstrap.databases import Databases
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import Settings, SettingsError, load_settings
from headworks.kernel.secrets import Secret
from tests.unit.cli.conftest import Run

URL = "postgresql://me:canary@db.example/app"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


def test_files_are_made_and_told_of(run: Run, home: Path) -> None:
    before = run("db", "status", "--json")
    assert (before.status, {row["state"] for row in _contexts(before.out)}) == (0, {"missing"})
    assert not home.exists()
    made = run("db", "migrate")
    assert made.status == 0, made.err
    assert made.out.count("migrated from nothing") == 6
    after = run("db", "status", "--json")
    assert {(row["state"], row["stored"] == row["wanted"]) for row in _contexts(after.out)} == {("current", True)}
    assert run("db", "migrate").out.count("there already") == 6
    assert str(home / "usage.sqlite3") in run("db", "status").out


def test_tables_of_a_newer_version_are_a_failure(run: Run, home: Path) -> None:
    run("db", "migrate")
    with closing(sqlite3.connect(home / "usage.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    found = run("db", "status")
    assert (found.status, "newer" in found.out) == (1, True)
    assert "a server would not start" in found.err
    refused = run("db", "migrate")
    assert (refused.status, "newer version of Headworks" in refused.err) == (1, True)


def test_a_folder_in_use_is_not_migrated(run: Run, home: Path) -> None:
    run("db", "migrate")
    with Home(home).lock():
        refused = run("db", "migrate")
    assert (refused.status, "runs already" in refused.err) == (1, True)


def test_a_wrong_url_is_named_and_not_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_USAGE_DATABASE_URL", "postgresql://me:canary@db")
    for command in ("status", "migrate"):
        refused = run("db", command)
        assert refused.status == 2
        assert "HEADWORKS_USAGE_DATABASE_URL: it names no database" in refused.err
        assert "canary" not in refused.err + refused.out


def test_a_server_that_does_not_answer_is_named(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWORKS_DATABASE_URL", "postgresql://me:canary@127.0.0.1:1/app")
    for command in ("status", "migrate"):
        refused = run("db", command)
        assert refused.status == 1
        assert "postgresql at 127.0.0.1:1, database app cannot be used" in refused.err
        assert "canary" not in refused.err + refused.out
    assert not home.exists()


@pytest.mark.parametrize(
    ("urls", "most"),
    [
        ({}, 0),
        ({"HEADWORKS_DATABASE_URL": URL}, 50),
        ({"HEADWORKS_USAGE_DATABASE_URL": URL}, 15),
        ({"HEADWORKS_CATALOG_DATABASE_URL": URL, "HEADWORKS_DATABASE_CONNECTIONS": "2"}, 6),
    ],
)
def test_the_connections_are_added_up(urls: dict[str, str], most: int, tmp_path: Path) -> None:
    assert Databases(Home(tmp_path), load_settings(urls)).most_connections == most


def test_a_context_with_a_url_of_its_own_uses_that(tmp_path: Path) -> None:
    settings = load_settings(
        {"HEADWORKS_DATABASE_URL": URL, "HEADWORKS_IDENTITY_DATABASE_URL": "mariadb://me:canary@other/id"}
    )
    assert [str(place) for place in Databases(Home(tmp_path), settings)] == [
        "mariadb at other:3306, database id",
        "postgresql at db.example:5432, database app",
        "postgresql at db.example:5432, database app",
        "postgresql at db.example:5432, database app",
        "postgresql at db.example:5432, database app",
        "postgresql at db.example:5432, database app",
    ]


def test_settings_do_not_show_a_url() -> None:
    settings = load_settings({"HEADWORKS_DATABASE_URL": URL})
    assert settings.database_url == Secret(URL)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "canary" not in shown
    assert "canary" not in repr(Databases(Home(Path("/x")), settings).__dict__)
    with pytest.raises(SettingsError) as caught:
        load_settings({"HEADWORKS_DATABASE_URL": "canary"})
    assert "canary" not in str(caught.value)
    assert Settings().database_url is None


def _contexts(out: str) -> list[dict[str, str]]:
    contexts: list[dict[str, str]] = json.loads(out)["contexts"]
    return contexts
