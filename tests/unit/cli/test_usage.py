"""`headworks usage` against the real management API, over requests that were stored beforehand."""

from __future__ import annotations

import asyncio
import csv
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from structlog.testing import capture_logs

from headworks.kernel.clock import now
from headworks.kernel.database import Database
from headworks.usage.tasks import ingest
from tests.support.usage_events import usage_event
from tests.support.usage_stores import sql_usage
from tests.unit.cli.served import Api
from tests.unit.usage.conftest import Prices, book, price

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Ran, Run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _api(home: Path, run: Run) -> Iterator[None]:
    api = Api(home)
    # What the server logs is not what the command prints.
    with capture_logs():
        api.start()
        organization = str(shown(run("orgs", "list", "--json"))[0]["id"])
        asyncio.run(_use(home / "usage.sqlite3", organization))
        yield
        api.stop()


async def _use(file: Path, organization: str) -> None:
    prices = Prices()
    prices.book = book(price("prc_1", now() - timedelta(days=9), None, 10**10))
    at_us = int(now().timestamp()) * 10**6 - 60_000_000
    database = Database.sqlite(file)
    events = [
        usage_event(
            number,
            organization_id=organization,
            model=("fast", "=slow")[number % 2],
            upstream_model="gpt",
            occurred_at_us=at_us,
            input_tokens=number,
            user_id="usr_1" if number == 2 else "",
            status=502 if number == 3 else 200,
            outcome="upstream_error" if number == 3 else "success",
            endpoint="embeddings" if number == 4 else "chat/completions",
            tags='{"team":"a"}' if number == 1 else "",
            usage_flags="contradicts:1234,counted:o200k" if number == 3 else "",
        )
        for number in range(5)
    ]
    events.append(usage_event(9, organization_id=organization, occurred_at_us=at_us, input_tokens=-1))
    await ingest(sql_usage(database), prices, events)
    await database.close()


def shown(ran: Ran) -> Any:  # noqa: ANN401 - JSON
    """What it printed with --json."""
    assert ran.status == 0, ran
    return ran.json()


def test_usage_by_any_mix(run: Run) -> None:
    rows = shown(run("usage", "--group-by", "model,tag:team", "--json"))
    assert [(row["model"], row["tags"], row["input_tokens"], row["charge_nanodollars"]) for row in rows] == [
        ("=slow", {"team": "a"}, 1, 10_000),
        ("=slow", {"team": None}, 3, 30_000),
        ("fast", {"team": None}, 6, 60_000),
    ]
    ran = run("usage", "--group-by", "outcome,status", "--tag", "team:a")
    assert "success" in ran.out
    assert "1 request" in ran.err
    assert run("usage", "--group-by", "colour").status == 1


def test_usage_of_a_part(run: Run) -> None:
    def tokens(*options: str) -> list[int]:
        return [row["input_tokens"] for row in shown(run("usage", *options, "--group-by", "model", "--json"))]

    assert tokens("--user", "usr_1") == [2]
    assert tokens("--endpoint", "embeddings") == [4]
    assert tokens("--status", "502") == [3]
    assert tokens("--outcome", "upstream_error") == [3]
    assert tokens("--outcome", "success", "--status", "502") == []
    assert [row["model"] for row in shown(run("usage", "top", "--endpoint", "embeddings", "--json"))] == ["fast"]
    assert shown(run("usage", "forecast", "--status", "200", "--json"))["so_far"]["requests"] == 4
    assert [one["event_id"] for one in shown(run("usage", "events", "--user", "usr_1", "--json"))] == ["req_2"]
    refused = run("usage", "--outcome", "splendid")
    assert (refused.status, "outcome" in refused.err) == (1, True)
    nobody = run("usage", "--user", "nobody@example.com")
    assert (nobody.status, "nobody@example.com" in nobody.err) == (1, True)


def test_the_largest_first(run: Run) -> None:
    ran = run("usage", "top", "model", "-n", "1")
    assert ran.status == 0, ran
    assert "fast" in ran.out
    assert "slow" not in ran.out
    assert "1 of 2" in ran.err


def test_a_forecast_says_that_it_is_one(run: Run) -> None:
    ran = run("usage", "forecast", "--period", "day")
    assert "An estimate" in ran.out
    assert "last seven days" in ran.err
    assert shown(run("usage", "forecast", "--json"))["so_far"]["requests"] == 5


def test_single_requests(run: Run) -> None:
    assert [one["event_id"] for one in shown(run("usage", "events", "-n", "2", "--json"))] == ["req_4", "req_3"]
    assert "req_1" in run("usage", "events", "--id", "req_1").out
    ran = run("usage", "events", "--contradicted")
    assert ("req_3" in ran.out, "req_4" in ran.out, "1,234" in ran.out) == (True, False, True), ran


def test_files_hold_whole_numbers_and_no_formula(run: Run, tmp_path: Path) -> None:
    assert run("usage", "--group-by", "model", "--csv", str(tmp_path / "u.csv")).status == 0
    lines = list(csv.DictReader((tmp_path / "u.csv").read_text().splitlines()))
    assert [(line["model"], line["charge_nanodollars"]) for line in lines] == [("'=slow", "40000"), ("fast", "60000")]
    assert run("usage", "--group-by", "model", "--parquet", str(tmp_path / "u.parquet")).status == 0
    table = pyarrow.parquet.read_table(tmp_path / "u.parquet").to_pylist()
    assert [(row["model"], int(row["charge_nanodollars"])) for row in table] == [("=slow", 40_000), ("fast", 60_000)]
    assert run("usage", "events", "--csv", str(tmp_path / "e.csv")).status == 0
    assert [line["event_id"] for line in csv.DictReader((tmp_path / "e.csv").read_text().splitlines())] == [
        f"req_{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert run("usage", "events", "--parquet", str(tmp_path / "e.parquet")).status == 0
    events = pyarrow.parquet.read_table(tmp_path / "e.parquet").to_pylist()
    assert [one["input_tokens"] for one in events] == [4, 3, 2, 1, 0]
    refused = run("usage", "--csv", str(tmp_path / "none" / "u.csv"))
    assert (refused.status, "cannot write" in refused.err) == (1, True)
    assert run("usage", "--csv", "a", "--parquet", "b").status == 1
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def test_sums_are_checked_and_made_anew(run: Run) -> None:
    day = (now() - timedelta(minutes=1)).date().isoformat()
    assert "all of them right" in run("usage", "check", day).out
    assert "To be made anew" in run("usage", "rebuild", "--from", day, "--no-wait").out


def test_operators_see_what_was_put_aside(run: Run) -> None:
    (one,) = shown(run("usage", "rejected", "--json"))
    assert "input_tokens" in one["reason"]
    assert one["reason"] in run("usage", "rejected").out
    assert run("usage", "rejected", "-n", "0").status == 2
