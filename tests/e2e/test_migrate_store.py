"""`headworks migrate-store`: a filled installation moved to a server, killed on the way, held against what it was, and served from."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.usage import filling
from headworks.bootstrap.databases import SCHEMAS
from headworks.gateway.adapters.sql import SqlRegister
from headworks.gateway.domain.roster import KnownGateway
from headworks.kernel.audit import Change
from headworks.kernel.clock import now, unix_ms
from headworks.kernel.database import Database
from headworks.usage.tasks import ingest
from tests.support.child import ROOT, Child, eventually
from tests.support.databases import SERVERS
from tests.support.headworks import Headworks
from tests.support.ledgers import FixedPrices
from tests.support.mock import MockProvider
from tests.support.rig import PROVIDER, Rig
from tests.support.servers import Missing, Servers
from tests.support.servers.server import PASSWORD, Server
from tests.support.shop import INPUT, MILLION, OUTPUT, Shop, price
from tests.support.usage_stores import sql_usage

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = 4_000
BUDGET = 10**9
KILLS = 6


@dataclass(frozen=True)
class Filled:
    """A stopped installation, and what it said while it ran."""

    home: Path
    key: str
    key_id: str
    records: int
    """Of all organisations."""
    figures: dict[str, Any]
    """See `figures_of`; of the first key's organisation."""
    files: dict[str, str]
    """SHA-256 of its databases."""


@dataclass(frozen=True)
class Ran:
    """How the command ended."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Once: samples of everything, a budget that is drawn from, a limit, a mark-up, a re-rating, and thousands of records."""
    folder = tmp_path_factory.mktemp("filled")
    headworks = Headworks(folder / "home")
    with MockProvider(folder) as upstream, headworks:
        _samples(headworks.home)
        rig = Rig(headworks, upstream)
        rig.prepare()
        key_id, key = _spend(Shop(rig, price(rig, "mock:tokens=20")))
        organization = _organization(headworks.home)
        assert headworks.stop() == 0
        asyncio.run(_ingest(headworks.home, organization))
        asyncio.run(_drain_a_gateway(headworks.home))
        headworks.start()
        # What was put there beside it is settled like all else, and the books agree.
        assert headworks.management.get("/ledger/verification")["agrees"]
        figures = figures_of(headworks)
        assert headworks.stop() == 0
    assert figures["records"] > RECORDS // 4
    assert figures["budgets"][0]["current"]["spent"]["nanodollars"] > 0
    assert [one["draining_since"] is not None for one in figures["gateways"]] == [True]
    with closing(sqlite3.connect(headworks.home / "usage.sqlite3")) as connection:
        (records,) = connection.execute("SELECT count(*) FROM usage_events").fetchone()
    assert records > RECORDS
    return Filled(headworks.home, key, key_id, records, figures, digests(headworks.home))


def _samples(home: Path) -> None:
    command = [sys.executable, "-m", "headworks.entrypoints.samples"]
    environment = {"HEADWORKS_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)  # noqa: S603 - our own command


def _spend(shop: Shop) -> tuple[str, str]:
    """Of one key, which has a budget; the id and the secret of another one."""
    management = shop.rig.headworks.management
    key_id, key = shop.key("a budget of its own")
    budget = shop.budget(key_id, BUDGET)
    shop.limit(key_id, "requests", 10_000)
    management.post("/mark-ups", {"ppm": 125_000})
    for _ in range(5):
        assert shop.ask(key, max_tokens=20).is_success
    assert shop.settled(budget)["spent"] > 0
    rates = {"input": 2 * INPUT * MILLION, "output": OUTPUT * MILLION}
    management.post("/prices", {"provider": PROVIDER, "upstream_model": "mock:tokens=20", "rates": rates})
    management.post("/re-ratings", {"start": "2020-01-01T00:00:00Z"})
    return shop.key("Grüße 😀")


def _organization(home: Path) -> str:
    """The one of the first key."""
    with closing(sqlite3.connect(home / "identity.sqlite3")) as connection:
        row = connection.execute(
            "SELECT organization_id FROM keys WHERE kind = 'management' ORDER BY created_at LIMIT 1"
        )
        return str(row.fetchone()[0])


async def _ingest(home: Path, organization: str) -> None:
    """Records of many kinds and times, in that organisation and in others."""
    database = Database.sqlite(home / "usage.sqlite3")
    at_us = (unix_ms() - 60_000) * 1_000
    made = filling.events(range(RECORDS), at_us)
    mine = [
        one._replace(organization_id=organization, event_id=f"mine_{n}") for n, one in enumerate(made[: RECORDS // 4])
    ]
    late = [one._replace(occurred_at_us=one.occurred_at_us - n * 10**9) for n, one in enumerate(made[RECORDS // 4 :])]
    for some in (mine, late):
        done = await ingest(sql_usage(database), FixedPrices(), some)
        assert done.stored == len(some)
    await database.close()


async def _drain_a_gateway(home: Path) -> None:
    """One that was heard a moment ago, and is away since."""
    database = Database.sqlite(home / "catalog.sqlite3")
    register, at = SqlRegister(database), now()
    await register.note("ctl_1", [KnownGateway("spl_1", "10.0.0.7", at, away_since=at)], 0, at)
    await register.drain("spl_1", at, Change("gateways.drained", "gateway", "spl_1", None, None))
    await database.close()


def figures_of(headworks: Headworks) -> dict[str, Any]:
    """All that must be the same afterwards, to the nanodollar."""
    management = headworks.management
    verified = management.get("/ledger/verification")
    trails = management.get("/audit-events/verify")["trails"]
    budgets = management.get("/budgets")
    for budget in budgets:
        budget["current"].pop("forecast", None)
    return {
        "agrees": verified["agrees"],
        "transactions": verified["transactions"],
        "records": verified["records"],
        "accounts": management.get("/ledger/accounts", per_page="200"),
        "usage": management.get("/usage", group_by="key,model")["rows"],
        "re_ratings": management.get("/re-ratings"),
        "budgets": budgets,
        "keys": management.get("/keys", per_page="200"),
        "limits": management.get("/limits"),
        "gateways": management.get("/gateways"),
        "trails": [(trail["trail"], trail["intact"], trail["anchor"]) for trail in trails],
    }


def digests(home: Path) -> dict[str, str]:
    """Of each database, with its log."""
    files = [*home.glob("*.sqlite3"), *home.glob("*.sqlite3-wal")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.stat().st_size}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    try:
        return servers.get(request.param)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def home(filled: Filled, tmp_path: Path) -> Path:
    """The filled one, to be used up."""
    shutil.copytree(filled.home, tmp_path / "home")
    return tmp_path / "home"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headworks.entrypoints.cli", "migrate-store", *arguments]


def settings_of(home: Path, url: str = "") -> dict[str, str]:
    return {"HEADWORKS_HOME": str(home)} | ({"HEADWORKS_DATABASE_URL": url} if url else {})


def run(home: Path, *arguments: str, url: str = "", **variables: str) -> Ran:
    """`variables` are what `--to env:…` and `--from env:…` read."""
    environment = settings_of(home, url) | variables | {"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath}
    done = subprocess.run(  # noqa: S603 - our own command
        command(*arguments), env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert PASSWORD not in done.stdout + done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


# --- All is moved, and served from. ---


def test_an_installation_is_moved_and_served_from(filled: Filled, server: Server, home: Path) -> None:
    url = server.url(server.new_database())
    done = run(home, "--to", "env:TO", TO=url)
    assert done.status == 0, done.err
    for told in ("each with the same balance; together they come to 0", "unbroken", "usage: "):
        assert told in done.out
    assert f"Carry the keyring to every process that has these databases: {home / 'keyring'}" in done.err
    assert "The spool is empty" in done.err
    assert digests(home) == filled.files

    again = run(home, "--json", url=url)
    assert again.status == 0, again.err
    report = json.loads(again.out)
    tables = {one["table"]: one["rows"] for context in report["contexts"] for one in context["tables"]}
    assert set(tables) == {table.name for schema in SCHEMAS for table in schema.metadata.sorted_tables}
    assert (tables["gateways"], tables["gateway_drains"]) == (1, 1)
    assert all(tables[f"{context}_announcements"] for context in ("identity", "catalog", "limits", "ledger"))
    assert report["ledger"]["imbalance_nanodollars"] == 0
    assert report["usage"]["records"] == tables["usage_events"] == filled.records
    assert report["moved_before"] == ["identity", "catalog", "limits", "usage"]
    assert again.err == ""
    if server.scheme == "postgresql":
        database = url.rpartition("/")[2]
        assert (
            server.run("SELECT count(*) FROM usage_events_rest WHERE event_id ~ '^req_01[0-9a-f]{30}$'", database)
            == "0\n"
        )

    # The files may go: nothing reads them any more.
    for file in home.glob("*.sqlite3*"):
        file.unlink()
    with Headworks(home, database_url=url) as headworks:
        assert figures_of(headworks) == filled.figures
        # Keys and sessions are the same, stored secrets open, and numbers go on: it can be used and managed.
        with headworks.openai(api_key=filled.key) as client:
            answer = client.chat.completions.with_raw_response.create(
                model="headworks/echo", messages=[{"role": "user", "content": "hello"}]
            )
        rig = Rig(headworks, None)  # type: ignore[arg-type]
        assert rig.record(answer.headers["x-request-id"])["key_id"] == filled.key_id
        headworks.management.create_key("made after the move")
        assert headworks.management.get("/ledger/verification")["agrees"]
        assert headworks.management.get("/audit-events/verify")["intact"]
        assert headworks.stop() == 0
    # Of the key that was made afterwards others were told, which the source knows nothing of.
    assert "is in the copy alone. One side was used since" in run(filled.home, url=url).err


def test_killed_at_any_moment_it_goes_on_and_doubles_nothing(filled: Filled, server: Server, home: Path) -> None:
    database = server.new_database()
    url = server.url(database)
    chance = random.Random(server.scheme)  # noqa: S311 - the same moments each time
    total = filled.records
    # While tables are made, while rows are copied, and when all are there and are compared.
    moments = [-1, 0, *sorted(chance.randrange(total) for _ in range(KILLS)), total - 1]
    killed = []
    for rows in moments:
        with Child(command("--batch", "20"), log=tmp_log(home), settings=settings_of(home, url)) as child:
            eventually(
                lambda: not child.alive or records_there(server, database) > rows,  # noqa: B023 - called here
                what=f"more than {rows} records on the server",
                seconds=120,
            )
            killed.append(child.alive)
            child.kill()
        assert records_there(server, database) <= total
        if rows == moments[2]:
            _nothing_serves_from_half_of_it(home, url)
    assert all(killed), tmp_log(home).read_text()[-2_000:]
    done = run(home, "--json", url=url)
    assert done.status == 0, done.err
    assert json.loads(done.out)["usage"]["records"] == total == records_there(server, database)
    assert digests(home) == filled.files
    with Headworks(home, database_url=url) as headworks:
        assert figures_of(headworks) == filled.figures


def _nothing_serves_from_half_of_it(home: Path, url: str) -> None:
    early = Headworks(home, database_url=url).start(ready=False)
    assert early.child.wait(60) == 1
    assert "half moved" in early.child.output()


def records_there(server: Server, database: str) -> int:
    """Usage records on the server; -1 while there is no table of them."""
    try:
        return int(server.run("SELECT count(*) FROM usage_events", database))
    except RuntimeError:
        return -1


def tmp_log(home: Path) -> Path:
    """What the movers that were killed wrote."""
    return home.with_suffix(".move.log")


def test_from_one_server_to_another(filled: Filled, home: Path, servers: Servers) -> None:
    try:
        first, second = (servers.get(kind) for kind in SERVERS)
    except Missing as missing:
        pytest.skip(str(missing))
    one, other = first.url(first.new_database()), second.url(second.new_database())
    assert run(home, "--to", "env:TO", TO=one).status == 0
    done = run(home, "--from", "env:FROM", "--to", "env:TO", "--json", FROM=one, TO=other)
    assert done.status == 0, done.err
    with Headworks(home, database_url=other) as headworks:
        assert figures_of(headworks) == filled.figures
        used = run(home.with_name("nobody"), "--to", "env:TO", TO=one)
        assert (used.status, "no data folder" in used.err) == (1, True)


# --- What it refuses, with nothing changed. ---


def test_contexts_may_go_to_different_databases(filled: Filled, server: Server, home: Path) -> None:
    """And what is moved already is left alone."""
    usage, rest = server.new_database(), server.new_database()
    assert run(home, "--context", "usage", "--to", "env:TO", TO=server.url(usage)).status == 0
    assert "usage_events" not in tables_of(server, rest)
    urls = {"HEADWORKS_DATABASE_URL": server.url(rest), "HEADWORKS_USAGE_DATABASE_URL": server.url(usage)}
    environment = settings_of(home) | urls | {"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath}
    done = subprocess.run(command("--json"), env=environment, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["moved_before"] == ["usage"]
    assert [one["context"] for one in report["contexts"]] == ["identity", "catalog", "limits"]
    assert "usage_events" not in tables_of(server, rest)
    with Headworks(home, database_url=server.url(rest), usage_database_url=server.url(usage)) as headworks:
        assert figures_of(headworks) == filled.figures


def tables_of(server: Server, database: str) -> str:
    schema = "public" if server.scheme == "postgresql" else database
    return server.run(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'", database)  # noqa: S608


def test_a_database_that_is_in_use_is_not_moved_into(server: Server, home: Path, tmp_path: Path) -> None:
    database = server.new_database()
    url = server.url(database)
    other = Headworks(tmp_path / "other", database_url=url)
    migrated = subprocess.run(
        [sys.executable, "-m", "headworks.entrypoints.cli", "db", "migrate"],
        env=settings_of(tmp_path / "other", url) | {"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert migrated.returncode == 0
    with other:
        refused = run(home, "--to", "env:TO", TO=url)
        assert (refused.status, "is in use" in refused.err) == (1, True), refused.err
        assert other.stop() == 0
    refused = run(home, "--to", "env:TO", TO=url)
    assert refused.status == 1
    assert "is not empty: " in refused.err
    assert "has rows, and no move has put them there" in refused.err
    assert "headworks_moves" not in tables_of(server, database)
    refused = run(home, "--to", "env:TO", "--anew", TO=url)
    assert "is not empty" in refused.err


def test_tables_of_others_and_of_other_versions_are_left_alone(server: Server, home: Path) -> None:
    database = server.new_database()
    server.run("CREATE TABLE projects (id int)", database)
    refused = run(home, "--to", "env:TO", TO=server.url(database))
    assert (refused.status, "a table 'projects' already" in refused.err) == (1, True)
    assert tables_of(server, database).split() == ["projects"]
    database = server.new_database()
    with closing(sqlite3.connect(home / "usage.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    refused = run(home, "--to", "env:TO", TO=server.url(database))
    assert (refused.status, "is of an older version. Run headworks db migrate" in refused.err) == (1, True)
    with closing(sqlite3.connect(home / "usage.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = run(home, "--to", "env:TO", TO=server.url(database))
    assert (refused.status, "are newer: move them with the version that they are of" in refused.err) == (1, True)
    assert tables_of(server, database).split() == []


def test_an_unfinished_copy_of_something_else_is_begun_anew_on_demand(
    filled: Filled, server: Server, home: Path
) -> None:
    database = server.new_database()
    url = server.url(database)
    with Child(command("--batch", "20"), log=tmp_log(home), settings=settings_of(home, url)) as child:
        eventually(lambda: not child.alive or records_there(server, database) > 0, what="some records", seconds=120)
        assert child.alive
    # The source goes on: what was copied is no prefix of it any more.
    with closing(sqlite3.connect(home / "usage.sqlite3")) as connection, connection:
        connection.execute("UPDATE usage_events SET attempts = 7 WHERE id = 1")
    refused = run(home, "--to", "env:TO", TO=url)
    assert refused.status == 1
    assert "usage_events (id 1) is another in the copy: attempts differ" in refused.err
    assert "--anew" in refused.err
    done = run(home, "--to", "env:TO", "--anew", TO=url)
    assert done.status == 0, done.err
    refused = run(home, "--to", "env:TO", "--anew", TO=url)
    assert (refused.status, "All of it was moved already" in refused.err) == (1, True)


def test_what_waits_in_the_spool_is_told(filled: Filled, server: Server, tmp_path: Path) -> None:
    """And is stored in the new place by the next start on the same folder."""
    home = tmp_path / "home"
    shutil.copytree(filled.home, home)
    headworks = Headworks(home)
    with headworks, headworks.openai(api_key=filled.key) as client:
        stream = client.chat.completions.create(
            model="headworks/echo", messages=[{"role": "user", "content": "word " * 200}], stream=True
        )
        next(iter(stream))
        headworks.kill()
    url = server.url(server.new_database())
    before = digests(home)
    done = run(home, "--to", "env:TO", TO=url)
    assert done.status == 0, done.err
    assert "THE SPOOL IS NOT EMPTY" in done.err
    assert digests(home) == before
    spool = json.loads(run(home, "--to", "env:TO", "--json", TO=url).out)["spool"]
    assert spool["records"] + spool["unfinished"] == 1
    with Headworks(home, database_url=url) as moved:
        eventually(
            lambda: moved.management.get("/ledger/verification")["records"] == filled.figures["records"] + 1,
            what="the record of the request that was cut",
        )
        assert moved.management.get("/ledger/verification")["agrees"]


def test_a_running_installation_is_not_moved(home: Path, server: Server) -> None:
    with Headworks(home) as running:
        refused = run(home, "--to", "env:TO", TO=server.url(server.new_database()))
        assert (refused.status, "runs already" in refused.err) == (1, True)
        assert running.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "told", "status"),
    [
        ((), "Nothing says where to. Set HEADWORKS_DATABASE_URL, or give --to", 1),
        (("--to", "sqlite:///x"), "--to: SQLite needs no URL", 2),
        (("--to", "nonsense"), "--to: it is no URL of a database", 2),
        (("--to", "postgresql://u:canary@h"), "--to: it names no database", 2),
        (("--to", "postgresql://u:canary@h/x"), "--to would show a password", 2),
        (("--to", "env:NOT_THERE"), "--to: env:NOT_THERE leads to no URL", 2),
        (("--from", "file:/not/there"), "--from: file:/not/there leads to no URL", 2),
        (("--to", "postgresql://u@127.0.0.1:1/x"), "postgresql at 127.0.0.1:1, database x cannot be used", 1),
        (("--to", "mysql://u@127.0.0.1:1/x"), "mysql at 127.0.0.1:1, database x cannot be used", 1),
        (
            ("--from", "postgresql://u@h/x", "--to", "postgres://v@h:5432/x"),
            "identity is to go where it is: postgresql at h:5432, database x",
            1,
        ),
        (("--context", "ledger", "--to", "postgresql://u@h/x"), "ledger is no context with a database", 2),
        (("--context", "usage"), "Nothing says where usage is to go", 1),
        (("--batch", "0", "--to", "postgresql://u@h/x"), "Invalid value for '--batch'", 2),
    ],
)
def test_what_cannot_be_is_refused(filled: Filled, arguments: tuple[str, ...], told: str, status: int) -> None:
    refused = run(filled.home, *arguments)
    assert (refused.status, refused.out) == (status, ""), refused.err
    assert told in refused.err
    assert "canary" not in refused.err
    assert digests(filled.home) == filled.files


def test_without_its_keyring_nothing_is_moved(home: Path) -> None:
    (home / "keyring").unlink()
    refused = run(home, "--to", "postgresql://u@127.0.0.1:1/x")
    assert (refused.status, "The keyring" in refused.err) == (1, True)
    assert not (home / "keyring").exists()


def test_a_context_that_is_not_there_is_named(home: Path) -> None:
    (home / "limits.sqlite3").unlink()
    refused = run(home, "--to", "postgresql://u@127.0.0.1:1/x")
    assert (refused.status, "There is no limits to move" in refused.err) == (1, True)
    assert not (home / "limits.sqlite3").exists()
