"""Usage on each database: fill it, add it up, store more, and ask ten reports of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from harness.child import environment
from harness.management import postgresql
from harness.usage import filling
from headworks.catalog.contracts import PriceBook
from headworks.kernel.clock import now
from headworks.kernel.database import Address, Database, Limits, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.sorting import Order
from headworks.ledger.adapters.sql import SqlLedger
from headworks.ledger.adapters.tables import SCHEMA as LEDGER
from headworks.ledger.facade import Bookkeeper
from headworks.usage import commands
from headworks.usage.adapters.sql import SqlStore
from headworks.usage.adapters.sql.records import SqlRecordTables
from headworks.usage.adapters.tables import SCHEMA as USAGE
from headworks.usage.ports import ReportFilter
from headworks.usage.settings import UsageSettings
from headworks.usage.tasks import ingest

if TYPE_CHECKING:
    from pathlib import Path

    from harness.scene import Scene
    from headworks.usage.ports import UsageStore

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_BATCH = 2_000
_BATCHES = 25
_ASKED = 20
_DAY_S, _HOUR_S = 86_400, 3_600


@dataclass(frozen=True, slots=True)
class Extent:
    """How many records, by database."""

    sqlite: int
    postgresql: int


class NoPrices:
    """The port of prices."""

    async def price_book(self) -> PriceBook:
        """What was filled has amounts; rating is measured elsewhere."""
        return PriceBook({}, {}, 1)


def measure(scene: Scene, extent: Extent) -> dict[str, dict[str, Any]]:
    """Figures of each database."""
    found = {SQLITE: asyncio.run(_on_sqlite(scene.folder, extent.sqlite))}
    if postgresql.is_installed():
        found[POSTGRESQL] = _on_postgresql(scene, extent.postgresql)
    else:
        print("bench: PostgreSQL is not installed; usage is measured on SQLite alone", file=sys.stderr)
    return found


async def _on_sqlite(folder: Path, count: int) -> dict[str, Any]:
    return await _on(*opened(folder), count)


def opened(folder: Path) -> tuple[Database, SqlStore]:
    """A new SQLite file, as the shipper opens it."""
    path = folder / "bench-usage.sqlite3"
    prepare_schema(path, USAGE)
    prepare_schema(path, LEDGER)
    database = Database.sqlite(path, inline=True)
    return database, _store(database)


def _store(database: Database) -> SqlStore:
    return SqlStore(database, Bookkeeper(SqlLedger(database, SqlRecordTables(), EventBus())))


def _on_postgresql(scene: Scene, count: int) -> dict[str, Any]:
    with ExitStack() as stack:
        server = stack.enter_context(postgresql.Postgresql(scene.load_core, scene.folder / "usage-postgresql.log"))
        settings = {"HEADWORKS_DATABASE_URL": server.url, "HEADWORKS_HOME": str(scene.folder / "usage-home")}
        migrate = [sys.executable, "-m", "headworks.entrypoints.cli", "db", "migrate"]
        subprocess.run(migrate, env=environment() | settings, stdout=subprocess.DEVNULL, check=True)
        limits = Limits(connect_seconds=5, lock_seconds=60, statement_seconds=1_800, connections=3)
        database = Database.on_server(Address.parse(_secret(server.url)), USAGE, limits, takes_turns=False)
        return asyncio.run(_on(database, _store(database), count))


def _secret(url: str) -> Any:  # noqa: ANN401 - the kernel's own type
    from headworks.kernel.secrets import Secret  # noqa: PLC0415 - of PostgreSQL alone

    return Secret(url)


async def _on(database: Database, store: SqlStore, count: int) -> dict[str, Any]:
    end = now().replace(minute=0, second=0, microsecond=0)
    begin = end - timedelta(days=filling.DAYS)
    figures: dict[str, Any] = {"records": count}
    try:
        began = time.perf_counter()
        span = filling.Span(_us(begin), _us(end))
        await filling.fill(store, NoPrices(), database, count, span)
        figures["fill_seconds"] = time.perf_counter() - began
        figures["rebuild_seconds"] = await _rebuilt(store, begin, end)
        await filling.analyze(database)
        figures["rebuilt_per_second"] = count / figures["rebuild_seconds"]
        figures |= await _stored(store)
        figures |= await _reported(store, end)
        wrong = await commands.compare_hour(store, UsageSettings(), _us(end) // 10**6 - _HOUR_S, int(now().timestamp()))
        figures["wrong_sums"] = wrong.wrong
    finally:
        await database.close()
    return figures


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


async def _rebuilt(store: UsageStore, begin: datetime, end: datetime) -> float:
    await commands.ask_anew(store, "", begin.date(), end.date())
    began = time.perf_counter()
    while await commands.make_next_hour(store, UsageSettings(), int(now().timestamp())):
        pass
    return time.perf_counter() - began


async def _stored(store: UsageStore) -> dict[str, Any]:
    """Batches as the shipper gives them, on top of all that is there."""
    prices, seconds = NoPrices(), []
    for batch in range(_BATCHES):
        first = 1_000_000 + batch * _BATCH
        some = filling.events(range(first, first + _BATCH), _us(now()) - 30 * 10**6)
        began = time.perf_counter()
        done = await ingest(store, prices, some)
        seconds.append(time.perf_counter() - began)
        if done.stored != _BATCH:
            message = f"only {done.stored} of {_BATCH} records were stored"
            raise RuntimeError(message)
    return {
        "ingested_per_second": _BATCH * _BATCHES / sum(seconds),
        "batch_ms_p50": 1e3 * quantiles(seconds, n=2)[0],
        "batch_ms_longest": 1e3 * max(seconds),
    }


async def _reported(store: UsageStore, end: datetime) -> dict[str, Any]:
    """Each of the ten reports is asked some times; the gate is for all of them together."""
    taken: dict[str, list[float]] = {}
    for name, (wanted, group_by, page) in _reports(int(end.timestamp())).items():
        for _ in range(_ASKED):
            began = time.perf_counter()
            async with store.read(None) as reading:
                rows, _whole = await reading.report(wanted, group_by, page)
            taken.setdefault(name, []).append(1e3 * (time.perf_counter() - began))
            if not rows.items:
                message = f"the report {name} is empty"
                raise RuntimeError(message)
    every = sorted(one for several in taken.values() for one in several)
    return {
        "report_ms_p50": every[len(every) // 2],
        "report_ms_p99": quantiles(every, n=100)[98],
        "report_ms_by_name": {name: max(several) for name, several in taken.items()},
    }


def _reports(end_s: int) -> dict[str, tuple[ReportFilter, tuple[str, ...], PageRequest]]:
    day_s = end_s - end_s % _DAY_S
    first_s = day_s - 29 * _DAY_S
    month = {"grain": "day", "from_s": first_s, "until_s": day_s + _DAY_S}
    hours = {"grain": "hour", "from_s": day_s - 6 * _DAY_S, "until_s": day_s + _DAY_S}
    minutes = {"grain": "minute", "from_s": end_s - 3 * _HOUR_S, "until_s": end_s + _HOUR_S}
    dearest = (Order("charge_nanodollars", descending=True),)
    berlin = ((first_s, 3_600),)

    def of(times: dict[str, Any], **more: Any) -> ReportFilter:  # noqa: ANN401 - fields of a filter
        return ReportFilter(**{"organization_id": "org_3", **times, **more})

    return {
        "key, model, day": (of(month), ("key", "model", "day"), PageRequest(1, 200)),
        "day": (of(month), ("day",), PageRequest(1, 200)),
        "ten dearest keys": (of(month), ("key",), PageRequest(1, 10, dearest)),
        "project, beside the month before": (
            of(month, previous_from_s=first_s - 30 * _DAY_S),
            ("project", "model"),
            PageRequest(1, 50),
        ),
        "tag": (of(month), ("tag:team",), PageRequest(1, 50)),
        "one tag by day": (of(month, tags=(("team", "labs"),)), ("day",), PageRequest(1, 50)),
        "one key by hour": (of(hours, equal=(("key", "key_3_4"),)), ("hour",), PageRequest(1, 200)),
        "day of other clocks": (of(hours, offsets=berlin), ("day", "model"), PageRequest(1, 50)),
        "minute": (of(minutes), ("minute",), PageRequest(1, 200)),
        "every organisation": (of(month, organization_id=None), ("organization",), PageRequest(1, 50, dearest)),
    }
