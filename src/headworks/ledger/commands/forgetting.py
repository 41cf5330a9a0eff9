"""Forget the records of settlements that lie in a closed period, a few settlements in each transaction.

Each is proven before: what its records come to is what it entered. That figure stays, so that the proof can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.kernel.contention import TransactionLost
from headworks.kernel.fail_point import midway
from headworks.ledger.commands.closing import closed_until
from headworks.ledger.contracts import Sums
from headworks.ledger.domain import checking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.ledger.contracts import RecordSum, Transaction
    from headworks.ledger.domain.checking import Fault
    from headworks.ledger.ports import Reading, Unit

_AT_ONCE: Final = 200
"""Settlements that are looked at in one transaction."""
_MOST_RECORDS: Final = 10_000
"""That go in one transaction, unless a single settlement has more; writers wait for no longer than that takes."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one step did."""

    records: int
    more: bool
    """Whether there may be more to forget now."""
    faults: tuple[Fault, ...] = ()
    """Why it went no further: these records, and those of later settlements, stay."""


async def forget(unit: Unit, at_us: int) -> Forgotten:
    """The oldest settlements whose records are all from before `records.kept_from`, and in a closed period.

    Raises TransactionLost when somebody else forgets at the same time.
    """
    until_us = min(await unit.records.kept_from(), await closed_until(unit) or 0)
    old = await _old(unit, until_us) if until_us else []
    parts = await unit.records.sums(old)
    whole = _whole(old, parts)
    going = _first(old, whole)
    chosen = set(going)
    entries = await unit.entries_of(going)
    faults = (
        *checking.unbalanced(entries),
        *checking.against_records(unit.organization_id, entries, (one for one in parts if one.transaction in chosen)),
    )
    if faults:
        sound = going[: going.index(min(fault.transaction or 0 for fault in faults))]
        return Forgotten(await _forget(unit, sound, whole, at_us), more=False, faults=faults)
    return Forgotten(await _forget(unit, going, whole, at_us), more=bool(going))


async def _old(unit: Reading, until_us: int) -> list[int]:
    """Settlements that may go, up to the first that has to stay."""
    last = await unit.records.last_transaction()
    found: list[Transaction] = []
    after = await unit.last_forgotten()
    while len(found) < _AT_ONCE and (some := await unit.transactions_after(after, _AT_ONCE)):
        after = some[-1].number
        usage = [one for one in some if one.kind == "usage"]
        newest = await unit.records.newest([one.number for one in usage])
        for one in usage:
            # What was settled later began later, but for what came late; that goes with the settlements around it, later.
            if one.at_us >= until_us or newest.get(one.number, 0) >= until_us or one.number == last:
                return [one.number for one in found]
            found.append(one)
    return [one.number for one in found]


def _whole(numbers: Iterable[int], parts: Iterable[RecordSum]) -> dict[int, Sums]:
    whole = dict.fromkeys(numbers, Sums())
    for one in parts:
        whole[one.transaction] = Sums(*map(int.__add__, whole[one.transaction], one.sums))
    return whole


def _first(numbers: list[int], whole: dict[int, Sums]) -> list[int]:
    """As many as have so many records together, and one at least."""
    records = 0
    for place, number in enumerate(numbers):
        records += whole[number].records
        if place and records > _MOST_RECORDS:
            return numbers[:place]
    return numbers


async def _forget(unit: Unit, numbers: list[int], whole: dict[int, Sums], at_us: int) -> int:
    if not numbers:
        return 0
    wanted = sum(whole[number].records for number in numbers)
    gone = await unit.records.forget(numbers)
    if gone < wanted:
        raise TransactionLost("these records are gone already")
    if gone > wanted:
        message = f"settlements of {unit.organization_id} are named by {gone} records, {wanted} of which are its own"
        raise RuntimeError(message)
    midway()
    await unit.add_forgotten({number: whole[number] for number in numbers}, at_us)
    return gone
