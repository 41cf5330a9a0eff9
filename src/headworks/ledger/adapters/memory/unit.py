"""Writes to one organisation's ledger in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.errors import Stale
from headworks.kernel.money import LARGEST_AMOUNT
from headworks.ledger.adapters.memory.reading import MemoryReading
from headworks.ledger.contracts import Entry, Place, Transaction
from headworks.ledger.errors import AmountTooLarge, BudgetExists, MarkUpExists

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from headworks.kernel.audit import Change
    from headworks.ledger.adapters.memory.state import State
    from headworks.ledger.contracts import (
        Adjustment,
        Alert,
        Budget,
        ClosedPeriod,
        Counters,
        Hold,
        MarkUp,
        Raise,
        ReRating,
        Sums,
        TransactionKind,
    )
    from headworks.ledger.domain.postings import Posting
    from headworks.ledger.ports import Records


class MemoryUnit(MemoryReading):
    """The port `Unit`."""

    def __init__(self, state: State, organization_id: str, records: Records) -> None:
        super().__init__(state, organization_id, records)
        self.changes: list[Change] = []
        self.told: list[object] = []

    def audit(self, change: Change) -> None:
        """Kept until the transaction ends."""
        self.changes.append(change)

    def publish(self, event: object) -> None:
        """Kept until the transaction is committed."""
        self.told.append(event)

    async def lock(self, *, alone: bool) -> None:  # noqa: ARG002 - one writer at a time
        """There is one writer."""
        self.state.revisions.setdefault(self.organization_id, 0)

    async def touch(self) -> None:
        """One further."""
        self.state.revisions[self.organization_id] += 1

    async def begin(self, kind: TransactionKind, at_us: int, reference: str = "") -> int:
        """Its number."""
        number = len(self.state.transactions) + 1
        self.state.transactions[number] = Transaction(number, self.organization_id, kind, at_us, reference)
        return number

    async def enter(self, number: int, posting: Posting) -> None:
        """Its entries."""
        for account, amount in posting:
            self.state.accounts.setdefault(account, len(self.state.accounts) + 1)
            self.state.entries.append(Entry(number, account, amount))

    async def open_period(self, counters: Counters) -> bool:
        """False where it is there."""
        return self.state.counters.setdefault(counters.place, counters) is counters

    async def locked(self, places: Collection[Place]) -> dict[Place, Counters]:
        """There is one writer."""
        return await self.counters(places)

    async def put_counters(self, counters: Counters) -> None:
        """Raises AmountTooLarge, as a database would."""
        if max(map(abs, (counters.authorized, counters.held, counters.spent))) > LARGEST_AMOUNT:
            raise AmountTooLarge
        self.state.counters[counters.place] = counters

    async def put_hold(self, hold: Hold) -> None:
        """One of nothing goes away."""
        key = Place(hold.budget_id, hold.start_us), hold.source
        if hold.amount:
            self.state.holds[key] = hold
        else:
            self.state.holds.pop(key, None)

    async def add_budget(self, budget: Budget) -> None:
        """Raises BudgetExists."""
        self._check(budget)
        self.state.budgets[budget.id] = budget

    async def replace_budget(self, budget: Budget) -> None:
        """Raises BudgetExists, Stale."""
        if self.state.budgets[budget.id].version != budget.version - 1:
            raise Stale(
                "Somebody else changed it at the same moment. Read it again, and make your change to what is there."
            )
        self._check(budget)
        self.state.budgets[budget.id] = budget

    async def add_raise(self, one: Raise) -> None:
        """A new one."""
        self.state.raises[one.id] = one

    async def replace_raise(self, one: Raise) -> None:
        """By its id."""
        self.state.raises[one.id] = one

    async def add_alert(self, alert: Alert) -> bool:
        """False where it is there."""
        return self.state.alerts.setdefault((alert.place, alert.percent), alert) is alert

    async def add_mark_up(self, mark_up: MarkUp) -> None:
        """Raises MarkUpExists."""
        if any(one.valid_from_us == mark_up.valid_from_us for one in await self.mark_ups()):
            raise MarkUpExists
        self.state.mark_ups[mark_up.id] = mark_up

    async def remove_mark_up(self, mark_up_id: str) -> None:
        """By its id."""
        del self.state.mark_ups[mark_up_id]

    async def add_closed_period(self, period: ClosedPeriod) -> None:
        """A new one."""
        self.state.closed_periods.append(period)

    async def put_re_rating(self, done: ReRating) -> None:
        """A new one."""
        self.state.re_ratings[done.id] = done

    async def add_adjustments(self, adjustments: Sequence[Adjustment]) -> None:
        """New ones."""
        for one in adjustments:
            self.state.adjustments[one.record, one.number] = self.organization_id, one

    async def add_forgotten(self, sums: Mapping[int, Sums], at_us: int) -> None:  # noqa: ARG002 - for who looks at tables
        """New ones."""
        self.state.forgotten.update((number, (self.organization_id, one)) for number, one in sums.items())

    def _check(self, budget: Budget) -> None:
        if budget.removed_at_us is not None:
            return
        for other in self._mine(self.state.budgets.values()):
            same = (other.scope, other.scope_id, other.period, other.hard)
            if (
                other.id != budget.id
                and other.removed_at_us is None
                and same == (budget.scope, budget.scope_id, budget.period, budget.hard)
            ):
                raise BudgetExists(budget.period, hard=budget.hard)
