"""Whether the books agree: entries with each other, with the records that name them, and with the counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from headworks.ledger.domain.postings import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headworks.ledger.contracts import Account, Adjustment, Balance, Entry, Place, RecordSum, Sums

Problem = Literal[
    "unbalanced",
    "records_differ",
    "stray_records",
    "unsettled_records",
    "adjustments_differ",
    "counters_differ",
    "holds_differ",
    "spent_differs",
]
"""
unbalanced: a transaction's entries do not add up to nothing; records_differ: they are not what its records come to; stray_records:
records name a transaction that is not there; unsettled_records: they name none; adjustments_differ: as records_differ, of a
re-rating; counters_differ, holds_differ: they are not what the entries say; spent_differs: a budget's spent is not what the
records of its period come to.
"""
OF_USAGE: Final = frozenset({"charge", "payable", "margin"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not agree, and by how much."""

    problem: Problem
    transaction: int | None
    place: Place | None
    difference: int
    """Nanodollars, or records."""


def unbalanced(entries: Iterable[Entry]) -> list[Fault]:
    """Transactions that do not add up to nothing."""
    sums: Counter[int] = Counter()
    for entry in entries:
        sums[entry.transaction] += entry.amount
    return [Fault("unbalanced", number, None, amount) for number, amount in sorted(sums.items()) if amount]


def against_records(organization_id: str, entries: Iterable[Entry], sums: Iterable[RecordSum]) -> list[Fault]:
    """Settlements whose entries are not what the records that name them come to."""
    wanted: dict[int, Lines] = {}
    for one in sums:
        lines = wanted.setdefault(one.transaction, Lines(organization_id))
        lines.charge(one.project_id, one.key_id, one.provider_id, cost=one.sums.cost, charge=one.sums.charge)
    return _compared("records_differ", entries, wanted)


def against_forgotten(entries: Iterable[Entry], sums: Mapping[int, Sums]) -> list[Fault]:
    """Settlements whose entries are not what they were when their records went."""
    entered = {number: Counter[str]() for number in sums}
    for entry in entries:
        if entry.transaction in entered:
            entered[entry.transaction][entry.account.kind] += entry.amount
    faults = []
    for number, amounts in sorted(entered.items()):
        cost, charge = sums[number].cost, sums[number].charge
        difference = abs(amounts["charge"] - charge) + abs(amounts["payable"] + cost)
        if difference:
            faults.append(Fault("records_differ", number, None, difference))
    return faults


def against_adjustments(
    organization_id: str, entries: Iterable[Entry], adjustments: Iterable[Adjustment]
) -> list[Fault]:
    """Re-ratings whose entries are not what their adjustments come to."""
    wanted: dict[int, Lines] = {}
    for one in adjustments:
        lines = wanted.setdefault(one.transaction, Lines(organization_id))
        cost = (one.cost_after or 0) - (one.cost_before or 0)
        charge = (one.charge_after or 0) - (one.charge_before or 0)
        lines.charge(one.project_id, one.key_id, one.provider_id, cost=cost, charge=charge)
    return _compared("adjustments_differ", entries, wanted)


def by_place(balances: Iterable[Balance], place: Place) -> tuple[int, int, int]:
    """What was authorised, is held and was spent, as the entries say."""
    sums: Counter[str] = Counter()
    for one in balances:
        if one.account.period_start_us == place.start_us and one.account.budget_id == place.budget_id:
            sums[one.account.kind] += one.amount
    return -sums["authorized"], sums["held"], sums["spent"]


def by_source(balances: Iterable[Balance], place: Place) -> dict[str, int]:
    """What each gateway holds, as the entries say."""
    return {
        one.account.source: one.amount
        for one in balances
        if one.account.kind == "held" and one.account.period_start_us == place.start_us and one.amount
    }


def _compared(problem: Problem, entries: Iterable[Entry], wanted: dict[int, Lines]) -> list[Fault]:
    differences: dict[int, Counter[Account]] = {}
    for entry in entries:
        if entry.account.kind in OF_USAGE:
            differences.setdefault(entry.transaction, Counter())[entry.account] += entry.amount
    for number, lines in wanted.items():
        for account, amount in lines.posting():
            differences.setdefault(number, Counter())[account] -= amount
    off = {number: sum(map(abs, accounts.values())) for number, accounts in sorted(differences.items())}
    return [Fault(problem, number, None, amount) for number, amount in off.items() if amount]
