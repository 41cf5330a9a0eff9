"""Usage's records in memory as the ledger needs them: the twin of `sql/records.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.ledger.contracts import RatedRecord, RecordSum, Sums
from headworks.usage.adapters.memory_rollups import slot_of
from headworks.usage.domain.rollups import COUNTERS, NOTHING, SECONDS, changed, join
from headworks.usage.domain.rows import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Period, RecordRange
    from headworks.usage.adapters.memory import MemoryStore, State
    from headworks.usage.contracts import UsageRecord
    from headworks.usage.domain.rollups import Slot

_SECOND_US = 1_000_000
_SCOPES = {
    "organization": "organization_id",
    "project": "project_id",
    "key": "key_id",
    "user": "user_id",
    "model": "model",
}


class MemoryRecordTables:
    """The records of a store that is made later."""

    def __init__(self) -> None:
        self.store: MemoryStore | None = None
        self._changes: list[Callable[[State], None]] = []

    def of(self, transaction: object | None, organization_id: str) -> MemoryRecords:
        """As usage's transaction sees them; without one, as they are."""
        state = self._state() if transaction is None else transaction
        return MemoryRecords(state, organization_id, self._changes.append)  # type: ignore[arg-type]

    def commit(self) -> None:
        """Carry out what was changed."""
        for change in self._changes:
            change(self._state())
        self._changes.clear()

    def roll_back(self) -> None:
        """Forget it."""
        self._changes.clear()

    def kept_from(self) -> int:
        """0 in the beginning."""
        return self._state().kept_from_us

    def unsettled_owners(self) -> list[str]:
        """By id."""
        rows = self._state().rows.values()
        return sorted({record.event.organization_id for record in rows if record.transaction is None})

    def _state(self) -> State:
        if self.store is None:
            message = "the store of these records was not made yet"
            raise LookupError(message)
        return self.store.state


class MemoryRecords:
    """One organisation's."""

    def __init__(self, state: State, organization_id: str, later: Callable[[Callable[[State], None]], None]) -> None:
        """`later` takes changes until the transaction ends."""
        self._state = state
        self._organization_id = organization_id
        self._later = later
        self._settled: set[int] = set()

    async def sum(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """What began in that time."""
        return _summed(
            record
            for record in self._mine()
            if getattr(record.event, _SCOPES[scope]) == scope_id
            and period.holds(record.event.occurred_at_us)
            and (record.transaction is not None or record.sequence in self._settled)
        )

    async def kept_from(self) -> int:
        """0 in the beginning."""
        return self._state.kept_from_us

    async def sum_of_days(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """By the roll-ups."""
        day_us = SECONDS["day"] * _SECOND_US
        found = NOTHING
        for (group, start_s), sums in self._state.rollups.sums["day"].items():
            mine = group.organization_id == self._organization_id and getattr(group, _SCOPES[scope]) == scope_id
            start_us = start_s * _SECOND_US
            if mine and start_us >= period.start_us and (period.end_us is None or start_us + day_us <= period.end_us):
                found = tuple(map(int.__add__, found, sums))
        by_name = dict(zip(COUNTERS, found, strict=True))
        return Sums(by_name["requests"], by_name["cost_nanodollars"], by_name["charge_nanodollars"])

    async def following(self, wanted: RecordRange, after: tuple[int, int] | None, limit: int) -> list[RatedRecord]:
        """By time and number."""
        found = [
            _record(record)
            for record in self._mine()
            if record.event.occurred_at_us >= wanted.from_us
            and (wanted.until_us is None or record.event.occurred_at_us < wanted.until_us)
            and wanted.provider_id in (None, record.event.provider_id)
            and wanted.model in (None, record.event.model)
            and wanted.upstream_model in (None, record.event.upstream_model)
            and (after is None or (record.event.occurred_at_us, record.sequence) > after)
        ]
        return sorted(found, key=lambda record: (record.occurred_at_us, record.number))[:limit]

    async def sums(self, transactions: Collection[int]) -> list[RecordSum]:
        """By transaction, project, key and provider."""
        groups: dict[tuple[int, str, str, str], list[UsageRecord]] = {}
        for record in self._mine():
            if record.transaction in transactions and record.transaction is not None:
                event = record.event
                key = record.transaction, event.project_id, event.key_id, event.provider_id
                groups.setdefault(key, []).append(record)
        return [RecordSum(*key, _summed(records)) for key, records in groups.items()]

    async def unsettled(self, limit: int) -> list[RatedRecord]:
        """The oldest numbers first."""
        return [_record(record) for record in self._mine() if record.transaction is None][:limit]

    async def newest(self, transactions: Collection[int]) -> dict[int, int]:
        """By transaction."""
        found: dict[int, int] = {}
        for record in self._state.rows.values():
            if record.transaction in transactions and record.transaction is not None:
                found[record.transaction] = max(found.get(record.transaction, 0), record.event.occurred_at_us)
        return found

    async def last_transaction(self) -> int | None:
        """Of the highest number."""
        newest = max(self._state.rows.values(), key=lambda record: record.sequence, default=None)
        return None if newest is None else newest.transaction

    async def forget(self, transactions: Collection[int]) -> int:
        """When the transaction ends."""
        gone = [key for key, record in self._state.rows.items() if record.transaction in transactions]

        def change(state: State) -> None:
            for key in gone:
                del state.rows[key]

        self._later(change)
        return len(gone)

    async def strays(self, first: int, last: int, known: Collection[int]) -> int:
        """How many."""
        named = [record.transaction for record in self._mine() if record.transaction is not None]
        return sum(first <= number <= last and number not in known for number in named)

    async def settle(self, numbers: Collection[int], transaction: int) -> None:
        """When the transaction ends."""
        self._settled |= set(numbers)

        def change(state: State) -> None:
            for key, record in list(state.rows.items()):
                if record.sequence in numbers and record.transaction is None:
                    charge = record.cost_nanodollars
                    state.rows[key] = replace(record, transaction=transaction, charge_nanodollars=charge)
                    state.rollups.ask_anew([record.event.occurred_at_us // _SECOND_US])

        self._later(change)

    async def adjust(self, changes: Iterable[tuple[RatedRecord, int, int, int]]) -> None:
        """When the transaction ends."""
        wanted = {record.number: changed(cost, charge, unpriced) for record, cost, charge, unpriced in changes}

        def change(state: State) -> None:
            minutes: dict[Slot, tuple[int, ...]] = {}
            for record in state.rows.values():
                if record.sequence in wanted:
                    join(minutes, slot_of(record.event), wanted[record.sequence])
            state.rollups.add(minutes)

        self._later(change)

    def _mine(self) -> list[UsageRecord]:
        return [record for record in self._state.rows.values() if record.event.organization_id == self._organization_id]


def _summed(records: Iterable[UsageRecord]) -> Sums:
    found = list(records)
    costs = [record.cost_nanodollars or 0 for record in found]
    # What is settled in a transaction that has not ended yet was charged its cost.
    charges = [
        (record.cost_nanodollars if record.transaction is None else record.charge_nanodollars) or 0 for record in found
    ]
    return Sums(len(found), sum(costs), sum(charges))


def _record(record: UsageRecord) -> RatedRecord:
    event = record.event
    return RatedRecord(
        number=record.sequence,
        project_id=event.project_id,
        key_id=event.key_id,
        user_id=event.user_id,
        model=event.model,
        provider_id=event.provider_id,
        upstream_model=event.upstream_model,
        succeeded=event.outcome == "success",
        occurred_at_us=event.occurred_at_us,
        units=tuple(getattr(event, bucket) for bucket in BUCKETS),
        price_id=record.price_id,
        cost=record.cost_nanodollars,
        charge=record.charge_nanodollars,
        transaction=record.transaction,
    )
