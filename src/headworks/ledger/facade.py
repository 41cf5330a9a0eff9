"""The ledger's doors for other contexts: usage settles in it, the gateway asks what holds and borrows from budgets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from headworks.kernel.clock import now
from headworks.kernel.contention import until_it_holds
from headworks.ledger import commands
from headworks.ledger.contracts import Place
from headworks.ledger.domain.moments import micros
from headworks.ledger.domain.scopes import Whose
from headworks.ledger.errors import BudgetNotFound
from headworks.ledger.queries import standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from headworks.kernel.clock import Clock
    from headworks.ledger.contracts import Granted, InForce, LeaseWish, MarkUpBook, Spent, Use
    from headworks.ledger.ports import Installation, Ledger, Unit
    from headworks.ledger.settings import LedgerSettings

T = TypeVar("T")


class Bookkeeper:
    """For usage: takes part in the transactions that store records."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's mark-ups, to be asked without waiting. Raises DatabaseUnavailable."""
        async with self._ledger.overlooking() as overview:
            return await overview.mark_up_book()

    @asynccontextmanager
    async def joining(self, transaction: object) -> AsyncIterator[Books]:
        """From inside of `transaction`; it ends when that one does."""
        async with self._ledger.joining(transaction) as taking_part:
            yield Books(taking_part)


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger's part of one transaction of usage's."""

    taking_part: Installation

    async def begin(self, organization_id: str, at_us: int) -> int:
        """The number of a transaction for the organisation's records to name. Budgets stay as they are until it ends."""
        unit = self.taking_part.of(organization_id)
        await unit.lock(alone=False)
        return await unit.begin("usage", at_us)

    async def settle(self, organization_id: str, number: int, uses: Sequence[Use], at_us: int) -> None:
        """Enter what those records come to; they are stored by now. Raises AmountTooLarge."""
        await commands.settle(self.taking_part.of(organization_id), number, uses, at_us)

    def committed(self) -> None:
        """Tell what happened."""
        self.taking_part.committed()


class LedgerFacade:
    """For the gateway. Belongs to one event loop."""

    def __init__(self, ledger: Ledger, settings: LedgerSettings, clock: Clock = now) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._known: dict[str, standing.Known] = {}
        self._owners: dict[str, str] = {}

    async def budgets_for(
        self, organization_id: str, project_id: str, key_id: str, user_id: str, model: str, at: datetime
    ) -> tuple[InForce, ...]:
        """The budgets that requests like this count for, the narrowest scope first. `user_id` is empty for none.

        Remembered, and read again when the organisation's budgets have changed, in whatever process. Raises Unavailable.
        """
        async with self._ledger.reading(organization_id) as reading:
            known = await standing.known(reading, self._known.get(organization_id))
        self._known[organization_id] = known
        return standing.in_force(known, Whose(organization_id, project_id, key_id, user_id, model), micros(at))

    async def grant(self, wish: LeaseWish) -> Granted | Spent:
        """A lease. Raises BudgetNotFound, Invalid, Unavailable."""

        async def grant(unit: Unit) -> Granted | Spent:
            return await commands.grant(unit, wish, self._settings, micros(self._clock()))

        return await self._of_owner(wish.budget_id, grant)

    async def give_back(self, source: str, budget_id: str, period_start_us: int, amount: int) -> int:
        """What a gateway did not draw; how much of it was still its. Of a budget that is gone: nothing.

        Raises Invalid, Unavailable.
        """

        async def give_back(unit: Unit) -> int:
            place = Place(budget_id, period_start_us)
            return await commands.give_back(unit, source, place, amount, micros(self._clock()))

        try:
            return await self._of_owner(budget_id, give_back)
        except BudgetNotFound:
            return 0

    async def release(self, source: str) -> int:
        """All that a gateway holds; how much it was. Raises Unavailable.

        For one that begins anew: call it when what it had spooled is settled, and before it borrows.
        """
        async with self._ledger.overlooking() as overview:
            held = await overview.holds_of(source)
        total = 0
        for owner in sorted({owner for owner, _ in held}):
            places = {Place(hold.budget_id, hold.start_us) for of, hold in held if of == owner}
            total += await until_it_holds(partial(self._reclaim, owner, places, source))
        return total

    async def _reclaim(self, owner: str, places: set[Place], source: str) -> int:
        async with self._ledger.writing(owner) as unit:
            return await commands.reclaim(unit, places, micros(self._clock()), of=source)

    async def _of_owner(self, budget_id: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        owner = self._owners.get(budget_id)
        if owner is None:
            async with self._ledger.overlooking() as overview:
                owner = await overview.owner_of(budget_id)
            if owner is None:
                raise BudgetNotFound(budget_id)
            self._owners[budget_id] = owner

        async def attempt() -> T:
            async with self._ledger.writing(owner) as unit:
                return await work(unit)

        return await until_it_holds(attempt)
