"""A start says in the log when a server may not have room for all its connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.bootstrap.databases import Databases as Places
from headworks.bootstrap.home import Home
from headworks.bootstrap.settings import load_settings
from headworks.kernel.database import EVERYTHING, Database
from headworks.kernel.database.room import room
from headworks.kernel.telemetry import configure_logs
from headworks.limits.adapters.tables import SCHEMA
from tests.support.databases import LIMITS, SERVERS, Databases, Place

on_servers = pytest.mark.parametrize("engine", SERVERS)
MOST = {"postgresql": 97, "mariadb": 151}
"""As the packages set it: PostgreSQL keeps three of its hundred for its own people."""


@pytest.fixture
def place(engine: str, databases: Databases) -> Place:
    return databases.fresh(engine, SCHEMA)


@on_servers
async def test_what_is_open_is_counted(engine: str, place: Place) -> None:
    assert place.address is not None
    before = await room(place.address, LIMITS)
    assert before.most == MOST[engine]
    database: Database = place.open()
    async with database.transaction(EVERYTHING), database.read(EVERYTHING):
        assert (await room(place.address, LIMITS)).used == before.used + 2
    await database.close()


@on_servers
@pytest.mark.parametrize(("connections", "warns"), [("2", False), ("90", True)])
def test_a_start_warns(
    engine: str, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], connections: str, *, warns: bool
) -> None:
    assert place.address is not None
    url = {"HEADWORKS_LIMITS_DATABASE_URL": place.address.secret.reveal()}
    home = Home(tmp_path / "home")
    home.prepare()
    settings = load_settings(url | {"HEADWORKS_DATABASE_CONNECTIONS": connections})
    configure_logs("info")
    Places(home, settings).prepare()
    told = capsys.readouterr()
    assert ("may run out of connections" in told.out + told.err) is warns
