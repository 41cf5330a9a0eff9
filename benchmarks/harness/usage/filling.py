"""Very many records, put into a database in bulk: what they look like is what the engine would have said."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.dataplane.events import UsageEvent
from headworks.kernel.database import EVERYTHING
from headworks.kernel.moments import moment
from headworks.usage.tasks import ingest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.database import Database
    from headworks.usage.ports import Prices, UsageStore

ORGANIZATIONS, KEYS, MODELS = 20, 20, 5
"""Of each organisation as many keys, each of which uses every model; and each with one of four tags."""
KINDS = ORGANIZATIONS * KEYS * MODELS
DAYS = 30
_US = 1_000_000
_DAY_US = 86_400 * _US
_TEAMS = ("search", "support", "labs", "ops")
_NUMBERED = {
    "postgresql": "'req_' || lpad(to_hex({ms}), 12, '0') || 'b' || lpad(to_hex(n), 19, '0')",
    "sqlite": "printf('req_%012xb%019x', {ms}, n)",
}
"""As `_id`, and never one of those."""
_COLUMNS = (
    "source_id, subject_id, transaction_id, event_id, upstream_request_id, error_code, usage_flags, streamed, tags, "
    "first_byte_us, drawn_nanodollars, occurred_at_us, duration_us, status, attempts, input_tokens, cache_read_tokens, "
    "cache_write_5m_tokens, cache_write_1h_tokens, input_audio_tokens, input_image_tokens, output_tokens, "
    "reasoning_tokens, output_audio_tokens, images, milliseconds, cost_nanodollars, charge_nanodollars, received_at_us"
)


@dataclass(frozen=True, slots=True)
class Span:
    """When the records are of, in UTC microseconds."""

    begin_us: int
    end_us: int


def events(numbers: Iterable[int], at_us: int) -> list[UsageEvent]:
    """As the engine would deliver them, one after the other through all keys and models."""
    return [_event(number, at_us) for number in numbers]


def _event(number: int, at_us: int) -> UsageEvent:
    organization, rest = number % ORGANIZATIONS, number // ORGANIZATIONS
    key, model = rest % KEYS, rest // KEYS % MODELS
    plain = dict.fromkeys(UsageEvent._fields, 0)
    named = {
        "source": "spool_bench",
        "event_id": _id(number, at_us),
        "occurred_at_us": at_us + number % 1_000,
        "duration_us": 800_000,
        "first_byte_us": 200_000,
        "organization_id": f"org_{organization}",
        "project_id": f"prj_{organization}_{key % 5}",
        "key_id": f"key_{organization}_{key}",
        "user_id": f"usr_{organization}_{key % 7}",
        "model": f"model-{model}",
        "endpoint": "chat/completions",
        "provider_id": f"prv_{model % 2}",
        "deployment_id": f"dep_{model}",
        "upstream_model": f"upstream-{model}",
        "streamed": True,
        "status": 200,
        "outcome": "success",
        "usage_source": "provider",
        "input_tokens": 500 + number % 977,
        "output_tokens": 200 + number % 391,
        "attempts": 1,
        "tags": f'{{"team":"{_TEAMS[number % 4]}"}}',
        **dict.fromkeys(("upstream_request_id", "error_code", "usage_flags", "budgets"), ""),
    }
    return UsageEvent(**{**plain, **named})  # type: ignore[arg-type]


def _id(number: int, at_us: int) -> str:
    """As the engine's: milliseconds first, so that what came at a time lies together."""
    return f"req_{at_us // 1_000:012x}{number:020x}"


async def fill(store: UsageStore, prices: Prices, database: Database, count: int, span: Span) -> None:
    """One record of each kind as it comes, then `count` copies of them in bulk, spread over the span."""
    for past_us in range(span.begin_us, span.end_us, 28 * _DAY_US):
        await store.make_partitions(moment(past_us))
    await ingest(store, prices, events(range(KINDS), span.end_us - 60 * _US))
    async with database.transaction(EVERYTHING) as connection:
        server = connection.dialect.name == "postgresql"
        numbers = (
            f"SELECT n FROM generate_series(0, {count - 1}) AS g(n)"  # noqa: S608 - numbers of ours
            if server
            else f"WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < {count - 1}) SELECT n FROM g"  # noqa: S608 - as above
        )
        streamed = "true" if server else "1"
        step = max(1, (span.end_us - span.begin_us) // count)
        at_us = f"CAST({span.begin_us} AS bigint) + CAST(n AS bigint) * {step}"
        event_id = _NUMBERED["postgresql" if server else "sqlite"].format(ms=f"({at_us}) / 1000")
        team = " ".join(f'WHEN {place} THEN \'{{"team":"{name}"}}\'' for place, name in enumerate(_TEAMS))
        async with _without_indexes(connection):
            # The names and numbers are ours. A prime walks through the kinds in no order that an index would like.
            await connection.exec_driver_sql(
                f"INSERT INTO usage_events ({_COLUMNS}) SELECT 1, CAST(n AS bigint) * 7919 % {KINDS} + 1, 1, {event_id}, '', '', '', "  # noqa: S608
                f"{streamed}, CASE n % 4 {team} END, 200000, 0, {at_us}, 800000, 200, 1, 500 + n % 977, 0, 0, 0, 0, 0, 200 + n % 391, 0, 0, 0, 0, 7000 + n % 977, 7000 + n % 977, "
                f"{span.end_us} FROM ({numbers}) AS numbers"
            )
    await analyze(database)


async def analyze(database: Database) -> None:
    """What PostgreSQL does by itself within a minute: without it, it plans for tables as small as they were before."""
    async with database.transaction(EVERYTHING) as connection:
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql("ANALYZE")


@asynccontextmanager
async def _without_indexes(connection: AsyncConnection) -> AsyncIterator[None]:
    """PostgreSQL looks up two keys and changes four indexes for each row, which takes longer than all else together: they are made anew after."""
    if connection.dialect.name != "postgresql":
        yield
        return
    ours = "WHERE conrelid = 'usage_events'::regclass AND contype IN ('f', 'u')"
    listed = f"SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint {ours}"  # noqa: S608 - names of ours
    constraints = (await connection.exec_driver_sql(listed)).mappings().all()
    for one in constraints:
        await connection.exec_driver_sql(f"ALTER TABLE usage_events DROP CONSTRAINT {one['name']}")
    primary = "tablename = 'usage_events' AND indexname NOT LIKE 'pk%%'"
    listed = f"SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE {primary}"  # noqa: S608 - as above
    indexes = (await connection.exec_driver_sql(listed)).mappings().all()
    for one in indexes:
        await connection.exec_driver_sql(f"DROP INDEX {one['name']}")
    yield
    await connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '1GB'")
    for one in indexes:
        # Of a partitioned table it says that its own index alone was made: those of the partitions are others.
        await connection.exec_driver_sql(one["definition"].replace(" ON ONLY ", " ON "))
    for one in constraints:
        await connection.exec_driver_sql(f"ALTER TABLE usage_events ADD CONSTRAINT {one['name']} {one['definition']}")
