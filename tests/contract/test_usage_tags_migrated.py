"""An installation that told all tags apart: its sums hold, and where there were too many they are made anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from headworks.kernel.database import Database
from headworks.kernel.database.schema import script_config
from headworks.kernel.moments import micros
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.domain.admission import OTHER
from headworks.usage.tasks import ingest
from tests.contract.test_schemas import Home, on_every_database
from tests.contract.test_usage_tags import (
    NEXT_MONTH,
    NOON,
    NOON_US,
    by_tag,
    every_sum,
    holds,
    made_anew,
    tagged,
)
from tests.support.databases import LIMITS, Databases
from tests.support.ledgers import ORG, FixedPrices, spending
from tests.support.usage_stores import Accounting, accounting_on

JANUARY_S = micros(NOON.replace(day=1, hour=0)) // 10**6
FEBRUARY_S = micros(NEXT_MONTH.replace(hour=0)) // 10**6
EVERY = 1_000_000
"""More values than any test has."""


@pytest.fixture
def home(engine: str, databases: Databases, tmp_path: Path) -> Home:
    home = Home(engine, databases, tmp_path)
    home.take_steps(USAGE)
    home.make(LEDGER)
    return home


@asynccontextmanager
async def opened(home: Home, *tag_values: int) -> AsyncIterator[Accounting]:
    database = (
        Database.sqlite(home.path)
        if home.is_file
        else Database.on_server(home.on_server(), USAGE, LIMITS, takes_turns=False)
    )
    try:
        yield accounting_on(database, *tag_values)
    finally:
        await database.close()


def as_it_was(home: Home) -> None:
    """Without what this version added."""

    def downgrade(connection: Connection) -> None:
        config = script_config(USAGE, home.version_table(USAGE))
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
        connection.commit()

    home.look(downgrade)


def rows(home: Home, statement: str) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in home.look(lambda connection: connection.execute(text(statement)).all())}


@on_every_database
def test_sums_that_are_there_keep_their_tags(home: Home) -> None:
    runs = [{"run": str(number), "team": "\u00e9"} for number in range(5)]

    async def before() -> list[Any]:
        async with opened(home, EVERY) as books:
            await tagged(books, 0, *runs, {})
            await tagged(books, 10, *runs[3:], at=NEXT_MONTH)
            await tagged(books, 20, runs[0], organization_id="org_2")
            return await every_sum(books.usage)

    async def after() -> None:
        async with opened(home) as books:
            assert await every_sum(books.usage) == sums
            await holds(books.usage, NOON, NEXT_MONTH)
            await tagged(books, 30, runs[0], {"run": "new"})
            assert (await by_tag(books.usage, "run"))["new"] == 1
            await holds(books.usage, NOON, NEXT_MONTH)

    sums = _run(before())
    as_it_was(home)
    home.make(USAGE)
    assert rows(home, "SELECT organization_id, month_s, tag_values, sets FROM usage_tag_months") == {
        (ORG, JANUARY_S, 1_000, 5),
        (ORG, FEBRUARY_S, 1_000, 2),
        ("org_2", JANUARY_S, 1_000, 1),
    }
    kept = {json.dumps(tags) for tags in runs}
    assert rows(home, f"SELECT tags FROM usage_tag_sets WHERE organization_id = '{ORG}' AND month_s = {JANUARY_S}") == {  # noqa: S608 - names of ours
        (tags,) for tags in kept
    }
    assert home.days_to_be_made_anew() == set()
    _run(after())


@on_every_database
def test_a_month_that_has_too_many_is_made_anew(home: Home) -> None:
    count = 10_001

    async def before() -> None:
        async with opened(home, EVERY) as books:
            some = [
                spending(number, 1, occurred_at_us=NOON_US, tags=f'{{"run":"{number}","team":"a"}}')
                for number in range(count)
            ]
            await ingest(books.usage, FixedPrices(), some, clock=lambda: NOON)
            await tagged(books, count, {"run": "1"}, organization_id="org_2")
            await tagged(books, count + 10, {"run": "1"}, at=NEXT_MONTH)

    async def after() -> None:
        async with opened(home) as books:
            await made_anew(books.usage, NEXT_MONTH)
            assert await by_tag(books.usage, "team") == {"a": count}
            async with books.usage.read(None) as reading:
                assert await reading.pending_days() == []
            await tagged(books, 2 * count, {"run": "new", "team": "a"})
            await holds(books.usage, NOON, NEXT_MONTH)

    _run(before())
    as_it_was(home)
    home.make(USAGE)
    assert rows(home, "SELECT organization_id, month_s, sets FROM usage_tag_months") == {
        (ORG, FEBRUARY_S, 1),
        ("org_2", JANUARY_S, 1),
    }
    assert home.days_to_be_made_anew() == {NOON.date()}
    _run(after())
    told = rows(home, "SELECT DISTINCT t.value FROM usage_group_tags t JOIN usage_days d ON d.group_id = t.group_id WHERE t.name = 'run'")  # fmt: skip
    assert (len(told), (OTHER,) in told) == (1_001, True)


def _run(work: Any) -> Any:  # noqa: ANN401 - whatever it gives
    return asyncio.run(work)
