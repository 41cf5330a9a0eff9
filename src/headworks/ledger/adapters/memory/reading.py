"""Reads of one organisation's ledger in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headworks.kernel.pagination import Page
from headworks.ledger.adapters.charged import charged
from headworks.ledger.adapters.tables import SCOPE_COLUMNS
from headworks.ledger.contracts import Balance, Sums

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from headworks.kernel.pagination import PageRequest
    from headworks.kernel.scopes import Scope
    from headworks.ledger.adapters.memory.state import State
    from headworks.ledger.contracts import (
        Account,
        Adjustment,
        Alert,
        Budget,
        ClosedPeriod,
        Counters,
        Entry,
        Hold,
        MarkUp,
        Period,
        Place,
        Raise,
        ReRating,
        Transaction,
    )
    from headworks.ledger.ports import BalanceFilter, EntryFilter, Records, TransactionFilter

T = TypeVar("T")
Owned = TypeVar("Owned", "Budget", "MarkUp", "ClosedPeriod", "ReRating", "Transaction")

_FILTERED = ("kind", "project_id", "key_id", "provider_id", "budget_id")


class MemoryReading:
    """The port `Reading`."""

    def __init__(self, state: State, organization_id: str, records: Records) -> None:
        self.state = state
        self.organization_id = organization_id
        self.records = records

    async def revision(self) -> int:
        """0 before the first change."""
        return self.state.revisions.get(self.organization_id, 0)

    async def budgets(self) -> list[Budget]:
        """By age."""
        mine = [one for one in self._mine(self.state.budgets.values()) if one.removed_at_us is None]
        return sorted(mine, key=lambda budget: (budget.created_at_us, budget.id))

    async def budget(self, budget_id: str) -> Budget | None:
        """By id."""
        return next((one for one in await self.budgets() if one.id == budget_id), None)

    async def raises(self) -> list[Raise]:
        """By age."""
        mine = [one for one in self.state.raises.values() if self._owns(one.budget_id)]
        return sorted(mine, key=lambda one: (one.created_at_us, one.id))

    async def counters(self, places: Collection[Place]) -> dict[Place, Counters]:
        """Of those that have been opened."""
        found = self.state.counters
        return {place: found[place] for place in sorted(places) if place in found and self._owns(place.budget_id)}

    async def periods(self, after: Place | None, limit: int) -> list[Counters]:
        """In the order of their places."""
        mine = sorted(place for place in self.state.counters if self._owns(place.budget_id))
        return [self.state.counters[place] for place in mine if after is None or place > after][:limit]

    async def holds(self, place: Place) -> list[Hold]:
        """By source."""
        mine = [hold for (at, _), hold in self.state.holds.items() if at == place and self._owns(place.budget_id)]
        return sorted(mine, key=lambda hold: hold.source)

    async def all_holds(self) -> list[Hold]:
        """In no order."""
        return [hold for (place, _), hold in self.state.holds.items() if self._owns(place.budget_id)]

    async def places_held(self, budget_id: str) -> list[Place]:
        """Each once."""
        return sorted(
            {place for place, _ in self.state.holds if place.budget_id == budget_id and self._owns(budget_id)}
        )

    async def alerts(self, place: Place) -> list[Alert]:
        """The lowest first."""
        mine = [one for (at, _), one in self.state.alerts.items() if at == place and self._owns(place.budget_id)]
        return sorted(mine, key=lambda alert: alert.percent)

    async def mark_ups(self) -> list[MarkUp]:
        """By when they begin."""
        return sorted(self._mine(self.state.mark_ups.values()), key=lambda one: one.valid_from_us)

    async def closed_periods(self) -> list[ClosedPeriod]:
        """By time."""
        return sorted(self._mine(self.state.closed_periods), key=lambda one: one.until_us)

    async def re_ratings(self, page: PageRequest) -> Page[ReRating]:
        """The newest first."""
        mine = sorted(self._mine(self.state.re_ratings.values()), key=lambda one: (one.created_at_us, one.id))[::-1]
        return _page(mine, page)

    async def re_rating(self, re_rating_id: str) -> ReRating | None:
        """By id."""
        return next((one for one in self._mine(self.state.re_ratings.values()) if one.id == re_rating_id), None)

    async def balances(self, wanted: BalanceFilter, page: PageRequest) -> Page[Balance]:
        """By number."""

        def is_wanted(account: Account) -> bool:
            return all(getattr(wanted, name) in (None, getattr(account, name)) for name in _FILTERED)

        return _page(self._balances(is_wanted, wanted.until_us), page)

    async def balances_of(self, budget_id: str) -> list[Balance]:
        """By number."""
        return self._balances(lambda account: account.budget_id == budget_id, None)

    async def transactions(self, wanted: TransactionFilter, before: int | None, limit: int) -> list[Transaction]:
        """The newest first."""
        mine = [
            one
            for one in self._mine(self.state.transactions.values())
            if wanted.kind in (None, one.kind)
            and wanted.reference in (None, one.reference)
            and (wanted.from_us is None or one.at_us >= wanted.from_us)
            and (wanted.until_us is None or one.at_us < wanted.until_us)
            and (before is None or one.number < before)
        ]
        return sorted(mine, key=lambda one: -one.number)[:limit]

    async def transactions_after(self, number: int, limit: int) -> list[Transaction]:
        """The oldest first."""
        mine = [one for one in self._mine(self.state.transactions.values()) if one.number > number]
        return sorted(mine, key=lambda one: one.number)[:limit]

    async def transaction(self, number: int) -> Transaction | None:
        """By its number."""
        found = self.state.transactions.get(number)
        return found if found is not None and found.organization_id == self.organization_id else None

    async def entries(self, wanted: EntryFilter, before: tuple[int, int] | None, limit: int) -> list[tuple[int, Entry]]:
        """The newest first."""
        found = [
            (number, entry)
            for entry in self._entries()
            if wanted.account in (None, number := self.state.accounts[entry.account])
            and wanted.transaction in (None, entry.transaction)
            and (before is None or (entry.transaction, number) < before)
        ]
        return sorted(found, key=lambda one: (-one[1].transaction, -one[0]))[:limit]

    async def entries_of(self, transactions: Collection[int]) -> list[Entry]:
        """In no order."""
        return [entry for entry in self._entries() if entry.transaction in transactions]

    async def forgotten(self, transactions: Collection[int]) -> dict[int, Sums]:
        """By transaction."""
        return {number: sums for number, sums in self._forgotten().items() if number in transactions}

    async def last_forgotten(self) -> int:
        """0 where there is none."""
        return max(self._forgotten(), default=0)

    async def latest_adjustments(self, records: Collection[int]) -> dict[int, Adjustment]:
        """By record."""
        mine = [one for owner, one in self.state.adjustments.values() if owner == self.organization_id]
        return {one.record: one for one in sorted(mine, key=lambda one: one.number) if one.record in records}

    async def adjustments_of(self, transactions: Collection[int]) -> list[Adjustment]:
        """In no order."""
        mine = [one for owner, one in self.state.adjustments.values() if owner == self.organization_id]
        return [one for one in mine if one.transaction in transactions]

    async def charged(self, scope: Scope, scope_id: str, period: Period) -> int:
        """Of days, records and adjustments."""
        return await charged(self, scope, scope_id, period)

    async def adjusted(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """Of all adjustments."""
        column = SCOPE_COLUMNS[scope]
        mine = [
            one
            for owner, one in self.state.adjustments.values()
            if owner == self.organization_id
            and period.holds(one.occurred_at_us)
            and (column is None or getattr(one, column) == scope_id)
        ]
        cost = sum((one.cost_after or 0) - (one.cost_before or 0) for one in mine)
        charge = sum((one.charge_after or 0) - (one.charge_before or 0) for one in mine)
        return Sums(len(mine), cost, charge)

    def _forgotten(self) -> dict[int, Sums]:
        return {number: sums for number, (owner, sums) in self.state.forgotten.items() if owner == self.organization_id}

    def _mine(self, things: Iterable[Owned]) -> list[Owned]:
        return [thing for thing in things if thing.organization_id == self.organization_id]

    def _owns(self, budget_id: str) -> bool:
        return self.state.budgets[budget_id].organization_id == self.organization_id

    def _entries(self) -> list[Entry]:
        return [entry for entry in self.state.entries if entry.account.organization_id == self.organization_id]

    def _balances(self, is_wanted: Callable[[Account], bool], until_us: int | None) -> list[Balance]:
        found = []
        for account, number in sorted(self.state.accounts.items(), key=lambda item: item[1]):
            if account.organization_id != self.organization_id or not is_wanted(account):
                continue
            amounts = [
                entry.amount
                for entry in self.state.entries
                if entry.account == account
                and (until_us is None or self.state.transactions[entry.transaction].at_us < until_us)
            ]
            found.append(Balance(account, number, sum(amounts), len(amounts)))
        return found


def _page(items: list[T], page: PageRequest) -> Page[T]:
    return Page(items[page.offset : page.offset + page.per_page], len(items), page)
