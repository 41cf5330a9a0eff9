"""Doors to a ledger in memory. A transaction works on a copy, which takes the place of the original when it ends well."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from headworks.kernel.idempotency import due
from headworks.ledger.adapters.memory.reading import MemoryReading
from headworks.ledger.adapters.memory.state import State
from headworks.ledger.adapters.memory.unit import MemoryUnit
from headworks.ledger.contracts import MarkUpBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from headworks.kernel.events import Publish
    from headworks.kernel.trail import MemoryTrail
    from headworks.ledger.contracts import Adjustment, Budget, Hold, Raise
    from headworks.ledger.domain.postings import Posting
    from headworks.ledger.ports import Records


class MemoryRecords(Protocol):
    """Usage's records in memory."""

    def of(self, transaction: object | None, organization_id: str) -> Records:
        """As usage's transaction sees them; without one, as they are."""

    def commit(self) -> None:
        """Keep what the ledger's transaction changed of them."""

    def roll_back(self) -> None:
        """Forget it."""

    def kept_from(self) -> int:
        """Since when records are kept, in UTC microseconds."""

    def unsettled_owners(self) -> list[str]:
        """By id."""


class MemoryLedger:
    """The port `Ledger`."""

    def __init__(self, records: MemoryRecords, publish: Publish) -> None:
        self._records = records
        self._publish = publish
        self._state = State()
        self._writing = asyncio.Lock()

    @property
    def trail(self) -> MemoryTrail:
        """The audit trail as it is now."""
        return self._state.trail

    @asynccontextmanager
    async def reading(self, organization_id: str) -> AsyncIterator[MemoryReading]:
        """A view that later changes do not reach."""
        yield MemoryReading(self._state.copied(), organization_id, self._records.of(None, organization_id))

    @asynccontextmanager
    async def writing(self, organization_id: str) -> AsyncIterator[MemoryUnit]:
        """One writer at a time."""
        async with self._joined(None) as joined:
            yield joined.of(organization_id)
            due()
        joined.committed()

    @asynccontextmanager
    async def overlooking(self) -> AsyncIterator[MemoryOverview]:
        """Of this moment."""
        yield MemoryOverview(self._state, self._records)

    @asynccontextmanager
    async def joining(self, transaction: object) -> AsyncIterator[MemoryInstallation]:
        """Usage's transaction is its state."""
        async with self._joined(transaction) as joined:
            yield joined

    @asynccontextmanager
    async def _joined(self, transaction: object | None) -> AsyncIterator[MemoryInstallation]:
        async with self._writing:
            joined = MemoryInstallation(self._state.copied(), transaction, self._records, self._publish)
            try:
                yield joined
                joined.finish()
            except BaseException:
                self._records.roll_back()
                raise
            self._state = joined.state
            self._records.commit()


class MemoryInstallation:
    """The port `Installation`."""

    def __init__(self, state: State, transaction: object | None, records: MemoryRecords, publish: Publish) -> None:
        self.state = state
        self._transaction = transaction
        self._records = records
        self._publish = publish
        self._units: dict[str, MemoryUnit] = {}

    def of(self, organization_id: str) -> MemoryUnit:
        """The same one each time."""
        found = self._units.get(organization_id)
        if found is None:
            records = self._records.of(self._transaction, organization_id)
            found = self._units[organization_id] = MemoryUnit(self.state, organization_id, records)
        return found

    async def begin(self, owners: Collection[str], at_us: int) -> dict[str, int]:
        """One by one."""
        for owner in owners:
            await self.of(owner).lock(alone=False)
        return {owner: await self.of(owner).begin("usage", at_us) for owner in owners}

    async def budgets(self, owners: Collection[str]) -> dict[str, list[Budget]]:
        """One by one."""
        return {owner: await self.of(owner).budgets() for owner in owners}

    async def enter(self, postings: Mapping[int, Posting]) -> None:
        """One by one."""
        for number, posting in postings.items():
            await self.of(self.state.transactions[number].organization_id).enter(number, posting)

    def finish(self) -> None:
        """Before it is kept."""
        for organization_id, unit in self._units.items():
            self.state.trail.append(unit.changes, organization_id)

    def committed(self) -> None:
        """Tell."""
        for unit in self._units.values():
            for event in unit.told:
                self._publish(event)


class MemoryOverview:
    """The port `Overview`."""

    def __init__(self, state: State, records: MemoryRecords) -> None:
        self._state = state
        self._records = records

    async def organizations(self) -> list[str]:
        """By id."""
        return sorted(self._state.revisions)

    async def owner_of(self, budget_id: str) -> str | None:
        """Of a budget that was not removed."""
        found = self._state.budgets.get(budget_id)
        return None if found is None or found.removed_at_us is not None else found.organization_id

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's."""
        return MarkUpBook(self._state.mark_ups.values())

    async def overdue_holds(self, at_us: int) -> list[tuple[str, Hold]]:
        """The longest overdue first."""
        overdue = [hold for hold in self._state.holds.values() if hold.expires_at_us <= at_us]
        return [(self._owner(hold), hold) for hold in sorted(overdue, key=lambda hold: hold.expires_at_us)]

    async def holds_of(self, gateway: str) -> list[tuple[str, Hold]]:
        """In no order."""
        return [(self._owner(hold), hold) for hold in self._state.holds.values() if hold.gateway == gateway]

    async def unsettled_owners(self) -> list[str]:
        """Usage knows."""
        return self._records.unsettled_owners()

    async def kept_from(self) -> int:
        """Usage knows."""
        return self._records.kept_from()

    async def adjusted(self, from_us: int, until_us: int) -> list[Adjustment]:
        """By going through all of them."""
        return [one for _, one in self._state.adjustments.values() if from_us <= one.occurred_at_us < until_us]

    async def imbalance(self) -> int:
        """What all entries add up to."""
        return sum(entry.amount for entry in self._state.entries)

    async def counter_difference(self, at_us: int) -> int:
        """Of periods that run then."""
        difference = 0
        for place, counters in self._state.counters.items():
            if counters.end_us is None or counters.end_us > at_us:
                entered = Counter[str]()
                for entry in self._state.entries:
                    if (entry.account.budget_id, entry.account.period_start_us) == place:
                        entered[entry.account.kind] += entry.amount
                difference += abs(counters.authorized + entered["authorized"])
                difference += abs(counters.held - entered["held"]) + abs(counters.spent - entered["spent"])
        return difference

    async def due_raises(self, at_us: int) -> list[tuple[str, Raise]]:
        """Of budgets that were not removed."""
        budgets = self._state.budgets
        return [
            (budgets[one.budget_id].organization_id, one)
            for one in self._state.raises.values()
            if one.ended_at_us is None and one.until_us <= at_us and budgets[one.budget_id].removed_at_us is None
        ]

    def _owner(self, hold: Hold) -> str:
        return self._state.budgets[hold.budget_id].organization_id
