"""The ledger's doors for other contexts: usage settles in it, the gateway asks what holds and borrows from budgets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from headworks.dataplane.flow import Spent
from headworks.kernel.clock import now
from headworks.kernel.contention import until_it_holds
from headworks.kernel.errors import Invalid
from headworks.kernel.kept import Ages, Kept
from headworks.kernel.moments import micros
from headworks.kernel.recall import Recall
from headworks.kernel.telemetry import logger
from headworks.ledger import commands
from headworks.ledger.contracts import LeasesWanted, Place
from headworks.ledger.domain import audited
from headworks.ledger.domain.scopes import Whose
from headworks.ledger.errors import BudgetNotFound, BudgetsUnavailable
from headworks.ledger.queries import standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from headworks.dataplane.flow import Lease, LeaseQuestion, ReturnQuestion
    from headworks.kernel.clock import Clock
    from headworks.ledger.contracts import Adjustment, BudgetChanged, Hold, InForce, MarkUpBook, MarkUpChanged, Use
    from headworks.ledger.ports import Installation, Ledger, Unit
    from headworks.ledger.settings import LedgerSettings

T = TypeVar("T")

_log = logger(__name__)

_MS = 1000


class Bookkeeper:
    """For usage: takes part in the transactions that store records."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's mark-ups, to be asked without waiting. Raises DatabaseUnavailable."""
        async with self._ledger.overlooking() as overview:
            return await overview.mark_up_book()

    async def adjustments(self, organization_id: str, records: Collection[int]) -> dict[int, Adjustment]:
        """The newest of each of the records that was rated anew, by its number. Raises DatabaseUnavailable."""
        async with self._ledger.reading(organization_id) as reading:
            return await reading.latest_adjustments(records)

    async def adjusted(self, from_us: int, until_us: int) -> list[Adjustment]:
        """All of records of that time, of every organisation. Raises DatabaseUnavailable."""
        async with self._ledger.overlooking() as overview:
            return await overview.adjusted(from_us, until_us)

    async def note_export(self, organization_id: str, name: str) -> None:
        """For the audit trail: somebody has usage put into the object store. Raises DatabaseUnavailable."""
        async with self._ledger.writing(organization_id) as unit:
            unit.audit(audited.usage_exported(organization_id, name))

    @asynccontextmanager
    async def joining(self, transaction: object) -> AsyncIterator[Books]:
        """From inside of `transaction`; it ends when that one does."""
        async with self._ledger.joining(transaction) as taking_part:
            yield Books(taking_part)


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger's part of one transaction of usage's."""

    taking_part: Installation

    async def begin(self, owners: Collection[str], at_us: int) -> dict[str, int]:
        """The numbers of transactions for the organisations' records to name. Budgets stay as they are until it ends."""
        return await self.taking_part.begin(owners, at_us)

    async def settle(self, numbers: Mapping[str, int], uses: Iterable[Use], at_us: int) -> None:
        """Enter what those records come to; they are stored by now. Raises AmountTooLarge."""
        by_owner: dict[str, list[Use]] = {owner: [] for owner in numbers}
        for use in uses:
            by_owner[use.organization_id].append(use)
        budgets = await self.taking_part.budgets(numbers)
        postings = {
            number: await commands.settle(self.taking_part.of(owner), by_owner[owner], budgets[owner], at_us)
            for owner, number in sorted(numbers.items())
        }
        await self.taking_part.enter(postings)

    def note_rebuild(self, organization_id: str, first: date, last: date) -> None:
        """For the audit trail: who operates has the sums of these days made anew, the last included."""
        self.taking_part.of(organization_id).audit(audited.sums_rebuilt(organization_id, first, last))

    def committed(self) -> None:
        """Tell what happened."""
        self.taking_part.committed()


class LedgerFacade:
    """For the gateway, whose port `LeaseOffice` it fills. Belongs to one event loop."""

    def __init__(
        self,
        ledger: Ledger,
        settings: LedgerSettings,
        clock: Clock = now,
        ages: Ages = Ages(),  # noqa: B008 - frozen
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._ages = ages
        self._known: dict[str, Kept[standing.Known]] = {}
        self._owners: dict[str, str] = {}
        self._recall = Recall()

    async def in_force(
        self, organization_id: str, project_id: str, key_id: str, user_id: str, model: str, at: datetime
    ) -> InForce:
        """The budgets that requests like this count for, and the mark-up. `user_id` is empty for none.

        Remembered, and read again when something of the organisation's has changed, in whatever process.

        Raises BudgetsUnavailable when the store and memory both fail.
        """
        kept = self._known.get(organization_id)
        if kept is None:
            kept = self._known[organization_id] = self._kept(organization_id)
        known, age = await kept.get()
        found = standing.in_force(known, Whose(organization_id, project_id, key_id, user_id, model), micros(at))
        return replace(found, age_ms=int(age * _MS)) if age else found

    def changed(self, event: BudgetChanged | MarkUpChanged) -> None:
        """Forget what the event makes old. Any thread may call it. Subscribe it before whoever makes the engine ask again."""
        if kept := self._known.get(event.organization_id):
            kept.forget()

    def changed_somehow(self) -> None:
        """As `changed`, of every organisation."""
        for kept in list(self._known.values()):
            kept.forget()

    def _kept(self, organization_id: str) -> Kept[standing.Known]:
        async def load() -> tuple[int, standing.Known]:
            async with self._ledger.reading(organization_id) as reading:
                known = await standing.known(reading)
            return known.revision, known

        async def revision() -> int:
            async with self._ledger.reading(organization_id) as reading:
                return await reading.revision()

        return Kept(load, revision, self._ages, BudgetsUnavailable)

    async def grant(self, wanted: LeaseQuestion) -> Lease | Spent:
        """A lease. Nobody is refused what others hold and do not use: that is asked for first.

        Of a budget or a period that is not there nothing is left, and nothing is refused either. Raises Unavailable.
        """

        async def grant(unit: Unit) -> Lease | commands.Lacking:
            return await commands.grant(unit, wanted, self._settings, micros(self._clock()))

        async def recall(unit: Unit) -> None:
            unit.publish(LeasesWanted(unit.organization_id, wanted.budget_id))

        try:
            found = await self._of_owner(wanted.budget_id, grant)
            if not _is_final(found) and self._recall.may_ask(wanted.budget_id):
                owned = partial(self._of_owner, wanted.budget_id)
                found = await self._recall.until(
                    wanted.budget_id, _is_final, partial(owned, recall), partial(owned, grant)
                )
            return found.spent if isinstance(found, commands.Lacking) else found
        except (BudgetNotFound, Invalid) as refused:
            _log.warning("no lease", budget_id=wanted.budget_id, reason=refused.message)
            return Spent(0, 0, 0, None, hard=False)

    async def take_back(self, returned: ReturnQuestion) -> None:
        """What a gateway will not draw, and no more than it holds. Raises Unavailable."""

        async def take_back(unit: Unit) -> int:
            place = Place(returned.budget_id, returned.period_start_us)
            return await commands.give_back(unit, returned.life, place, returned.amount, micros(self._clock()))

        try:
            await self._of_owner(returned.budget_id, take_back)
            self._recall.came_back(returned.budget_id)
        except (BudgetNotFound, Invalid) as refused:
            # A budget that was removed has been taken back from everybody.
            _log.warning("nothing to take back", budget_id=returned.budget_id, reason=refused.message)

    async def held_by(self, gateway: str) -> int:
        """The gateway's port `Holdings`. Raises DatabaseUnavailable."""
        async with self._ledger.overlooking() as overview:
            return sum(hold.amount for _, hold in await overview.holds_of(gateway))

    async def release(self, gateway: str, life: str) -> int:
        """All that a gateway holds in other lives than this one; how much it was. Raises Unavailable.

        For one that began anew: call it when what it had spooled is settled.
        """
        async with self._ledger.overlooking() as overview:
            held = [(owner, hold) for owner, hold in await overview.holds_of(gateway) if hold.source != life]
        total = 0
        for owner in sorted({owner for owner, _ in held}):
            theirs = [hold for of, hold in held if of == owner]
            total += await until_it_holds(partial(self._reclaim, owner, theirs))
        return total

    async def _reclaim(self, owner: str, held: Sequence[Hold]) -> int:
        places = {Place(hold.budget_id, hold.start_us) for hold in held}
        async with self._ledger.writing(owner) as unit:
            return await commands.reclaim(unit, places, micros(self._clock()), of={hold.source for hold in held})

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


def _is_final(found: Lease | commands.Lacking) -> bool:
    """Whether nobody else holds what may come back."""
    return not (isinstance(found, commands.Lacking) and found.lent)
