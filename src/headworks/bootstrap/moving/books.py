"""The second proof of a move: what the copies add up to. Money is compared by account, and the ledger and the trails prove themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from headworks.audit import queries as audit
from headworks.audit.adapters.sql import SqlReader
from headworks.audit.ports import Trails
from headworks.catalog.adapters.tables import TRAIL as CATALOG_TRAIL
from headworks.identity.adapters.tables import TRAIL as IDENTITY_TRAIL
from headworks.kernel.database import EVERYTHING, SqlTrailKeys
from headworks.kernel.database.moving import Different
from headworks.kernel.events import EventBus
from headworks.ledger.adapters.sql import SqlLedger
from headworks.ledger.adapters.sql.sums import exact_sum, summed
from headworks.ledger.adapters.tables import TRAIL as LEDGER_TRAIL
from headworks.ledger.adapters.tables import entries
from headworks.ledger.queries.verification import Report, verify
from headworks.limits.adapters.tables import TRAIL as LIMITS_TRAIL
from headworks.usage.adapters.sql.records import SqlRecordTables
from headworks.usage.adapters.tables import events, subjects
from headworks.usage.domain.rows import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headworks.kernel.database import Database
    from headworks.kernel.secrets import Sealer

_TRAILS: Final = {
    "identity": IDENTITY_TRAIL,
    "catalog": CATALOG_TRAIL,
    "limits": LIMITS_TRAIL,
    "usage": LEDGER_TRAIL,
}
"""By the context in whose database it lies."""
_SUMMED: Final = ("cost_nanodollars", "charge_nanodollars", "drawn_nanodollars", *BUCKETS)


@dataclass(frozen=True, slots=True)
class Books:
    """What was added up on both sides, and is the same."""

    accounts: int = 0
    """Whose balances are equal."""
    imbalance: int = 0
    """What all of them add up to: 0."""
    transactions: int = 0
    """Of which the ledger proved itself."""
    records: int = 0
    cost: int = 0
    """Of all usage records, in nanodollars."""
    charge: int = 0
    trails: dict[str, int] = field(default_factory=dict)
    """Entries that were checked, by the trail's context."""
    remarks: tuple[str, ...] = ()
    """What did not agree before, and came along as it was."""


async def examine(
    context: str, source: Database, target: Database, sealer: Sealer, done: Callable[[str], None]
) -> Books:
    """All that can be said of one context; `done` hears of each step. Raises Different, DatabaseUnavailable."""
    done("the audit trail")
    trails, remarks = await _trails(context, source, target, sealer)
    if context != "usage":
        return Books(trails=trails, remarks=remarks)
    done("balances")
    balances = await _balances(source)
    _hold_against(balances, await _balances(target), "the balance of account")
    done("sums of usage")
    sums = await _usage(source)
    _hold_against(sums, await _usage(target), "the usage of organisation")
    done("the ledger")
    report = await _ledger(target)
    if not report.agrees:
        before = await _ledger(source)
        if before.faults != report.faults:
            raise Different("The ledger of the copy does not agree with itself, and that of the source does otherwise.")
        remarks += (
            f"The ledger did not agree before the move, by {len(report.faults)} faults, and does not now: headworks ledger verify",
        )
    totals = [sum(column) for column in zip(*sums.values(), strict=True)] or [0, 0, 0]
    return Books(
        accounts=len(balances),
        imbalance=sum(balances.values()),
        transactions=report.transactions,
        records=totals[0],
        cost=totals[1],
        charge=totals[2],
        trails=trails,
        remarks=remarks,
    )


def together(books: list[Books]) -> Books:
    """Of all contexts."""
    return Books(
        accounts=sum(one.accounts for one in books),
        imbalance=sum(one.imbalance for one in books),
        transactions=sum(one.transactions for one in books),
        records=sum(one.records for one in books),
        cost=sum(one.cost for one in books),
        charge=sum(one.charge for one in books),
        trails={name: count for one in books for name, count in one.trails.items()},
        remarks=tuple(remark for one in books for remark in one.remarks),
    )


def _hold_against(ours: Mapping[Any, object], theirs: Mapping[Any, object], what: str) -> None:
    for key in ours.keys() | theirs.keys():
        if ours.get(key) != theirs.get(key):
            raise Different(f"In the copy {what} {key} is another: {theirs.get(key)} instead of {ours.get(key)}.")


async def _balances(database: Database) -> dict[int, int]:
    """Nanodollars by account, of those that were entered to."""
    wanted = select(entries.c.account_id, *exact_sum(entries.c.amount, "amount")).group_by(entries.c.account_id)
    async with database.read(EVERYTHING) as connection:
        rows = (await connection.execute(wanted)).mappings()
        return {row["account_id"]: summed(row, "amount") for row in rows}


async def _usage(database: Database) -> dict[str, tuple[int, ...]]:
    """How many records, what they come to, and their buckets, by organisation."""
    columns = (func.coalesce(events.c[name], 0) for name in _SUMMED)
    sums = [part for name, column in zip(_SUMMED, columns, strict=True) for part in exact_sum(column, name)]
    wanted = (
        select(subjects.c.organization_id, func.count().label("records"), *sums)
        .join(subjects, subjects.c.id == events.c.subject_id)
        .group_by(subjects.c.organization_id)
    )
    async with database.read(EVERYTHING) as connection:
        rows = (await connection.execute(wanted)).mappings()
        return {row["organization_id"]: (int(row["records"]), *(summed(row, name) for name in _SUMMED)) for row in rows}


async def _ledger(database: Database) -> Report:
    """Of all organisations together."""
    ledger = SqlLedger(database, SqlRecordTables(), EventBus())
    async with ledger.overlooking() as overview:
        owners = await overview.organizations()
    whole = Report(finished=True)
    for owner in owners:
        last = Report()
        async for report in verify(ledger, owner):
            last = report
        whole = Report(
            transactions=whole.transactions + last.transactions,
            records=whole.records + last.records,
            faults=(*whole.faults, *last.faults),
            finished=True,
        )
    return whole


async def _trails(
    context: str, source: Database, target: Database, sealer: Sealer
) -> tuple[dict[str, int], tuple[str, ...]]:
    trail = _TRAILS[context]
    keys = SqlTrailKeys(trail.context, trail.keys, sealer)
    (found,) = await audit.verify(Trails((SqlReader(target, trail, keys),)))
    if found.fault is None:
        return {found.trail: found.entries}, ()
    (before,) = await audit.verify(Trails((SqlReader(source, trail, keys),)))
    if before.fault != found.fault:
        raise Different(f"The audit trail of {trail.context} does not hold in the copy, and it does in the source.")
    remark = (
        f"The audit trail of {trail.context} did not hold before the move, and does not now: headworks audit verify"
    )
    return {found.trail: found.entries}, (remark,)
