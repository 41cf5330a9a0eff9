"""Ingest: rate events and store them with their sums, each once, whatever is delivered how often."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.kernel.contention import TransactionLost, until_it_holds
from headworks.kernel.moments import micros, moment
from headworks.ledger.contracts import Use
from headworks.ledger.errors import AmountTooLarge
from headworks.usage.contracts import Ingested
from headworks.usage.domain.intake import Intake
from headworks.usage.domain.rollups import add_up, parts_of
from headworks.usage.domain.rows import event_of, identity_of
from headworks.usage.domain.screening import Unfit, are_usual
from headworks.usage.ports import AlreadyThere, Rejection, RowsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from headworks.catalog.contracts import PriceBook
    from headworks.ledger.contracts import MarkUpBook
    from headworks.usage.domain.rollups import Part
    from headworks.usage.domain.rows import Row
    from headworks.usage.ports import UsageStore, UsageUnit

_LONGEST_REJECTED = 4096


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, screened and rated."""

    rows: list[Row]
    rejections: list[Rejection]
    kept_from_us: int = 0
    """Since when records were kept when it was screened."""


class KeptFromMoved(Exception):
    """Records are kept from another moment on than when the batch was screened, so that it is to be screened again."""


def prepare(
    events: Sequence[Sequence[object]], book: PriceBook, mark_ups: MarkUpBook, at: datetime, kept_from_us: int = 0
) -> Batch:
    """Screen and rate; `at` is the present, and records are kept from `kept_from_us` on."""
    at_us = micros(at)
    intake = Intake(book, mark_ups, at_us, kept_from_us)
    usual = are_usual(events, at_us)
    rows: list[Row] = []
    rejections: list[Rejection] = []
    for event in events:
        try:
            rows.append(intake.take(event, usual=usual))
        except Unfit as unfit:
            rejections.append(_rejection(event, str(unfit), at))
    return Batch(rows, rejections, kept_from_us)


async def store(usage: UsageStore, batch: Batch, at: datetime, before_commit: Callable[[], None]) -> Ingested:
    """Store a batch. `before_commit` is called in each transaction, when only the commit is left to do.

    Raises DatabaseUnavailable: nothing of the last transaction happened then, and the batch is to be given again; KeptFromMoved.
    """
    stored: list[Part] = []
    rejections = list(batch.rejections)
    # A stack: what the store refuses is halved, until the row that spoils it stands alone.
    waiting = [batch.rows]
    while waiting:
        rows = waiting.pop()
        try:
            stored += await _store_rows(usage, replace(batch, rows=rows), at, before_commit)
        except (RowsRefused, AmountTooLarge) as refused:
            if len(rows) == 1:
                subject, own = rows[0]
                rejections.append(_rejection(event_of(subject.shared, own), str(refused), at))
                continue
            middle = len(rows) // 2
            waiting += [rows[middle:], rows[:middle]]
    if rejections:
        await until_it_holds(lambda: _put_aside(usage, rejections, before_commit))
    count = sum(part.records for part in stored)
    refused_count = len(rejections) - len(batch.rejections)
    redelivered = len(batch.rows) - count - refused_count
    return Ingested(count, redelivered, len(rejections), _last_uses(stored))


async def _put_aside(usage: UsageStore, rejections: list[Rejection], before_commit: Callable[[], None]) -> None:
    async with usage.transaction() as unit:
        await unit.put_aside(rejections)
        before_commit()


async def _store_rows(usage: UsageStore, batch: Batch, at: datetime, before_commit: Callable[[], None]) -> list[Part]:
    """Those that were not there yet. The usual batch holds nothing else, so it is tried first, whole."""
    if not batch.rows:
        return []

    async def at_once() -> list[Part]:
        async with usage.transaction() as unit:
            parts = await _add(unit, batch, at)
            before_commit()
        return parts

    async def without_known() -> list[Part]:
        return await _store_new(usage, batch, at, before_commit)

    try:
        return await until_it_holds(at_once)
    except AlreadyThere:
        # Another gateway may be storing some of them at this very moment: then they are looked for again.
        return await until_it_holds(without_known, lost=(TransactionLost, AlreadyThere))


async def _store_new(usage: UsageStore, batch: Batch, at: datetime, before_commit: Callable[[], None]) -> list[Part]:
    async with usage.transaction() as unit:
        present = await unit.present(batch.rows)
        fresh = {identity_of(row): row for row in reversed(batch.rows) if identity_of(row) not in present}
        parts = await _add(unit, replace(batch, rows=list(fresh.values())), at) if fresh else []
        before_commit()
    return parts


async def _add(unit: UsageUnit, batch: Batch, at: datetime) -> list[Part]:
    """Records, their sums, and what they come to in the ledger: all of it or nothing."""
    at_us = micros(at)
    parts = parts_of(batch.rows)
    uses = [_use(part) for part in parts]
    # The ledger's locks come first, and in one order, so that two writers never wait for each other.
    numbers = await unit.books.begin({use.organization_id for use in uses}, at_us)
    if await unit.kept_from() != batch.kept_from_us:
        raise KeptFromMoved
    await unit.add_rows(batch.rows, numbers)
    await unit.add_sums(add_up(parts))
    await unit.books.settle(numbers, uses, at_us)
    return parts


def _use(part: Part) -> Use:
    shared = part.subject.shared
    return Use(
        shared.organization_id,
        shared.project_id,
        shared.key_id,
        shared.user_id,
        shared.model,
        shared.provider_id,
        shared.source,
        shared.budgets,
        part.drawn,
        part.last_us,
        part.cost,
        part.charge,
    )


def _rejection(event: Sequence[object], reason: str, at: datetime) -> Rejection:
    text = ascii(tuple(event))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Rejection(digest, reason[:_LONGEST_REJECTED], text[:_LONGEST_REJECTED], at)


def _last_uses(parts: list[Part]) -> dict[str, datetime]:
    newest: dict[str, int] = {}
    for part in parts:
        key_id = part.subject.shared.key_id
        newest[key_id] = max(newest.get(key_id, 0), part.last_us)
    return {key_id: moment(at_us) for key_id, at_us in newest.items()}
