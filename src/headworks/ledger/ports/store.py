"""Where the ledger is kept. As everywhere, a store is opened for one organisation, and sees nothing of any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from headworks.kernel.audit import Change
    from headworks.kernel.pagination import Page, PageRequest
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import (
        AccountKind,
        Adjustment,
        Alert,
        Balance,
        Budget,
        ClosedPeriod,
        Counters,
        Entry,
        Hold,
        MarkUp,
        MarkUpBook,
        Period,
        Place,
        Raise,
        ReRating,
        Sums,
        Transaction,
        TransactionKind,
    )
    from headworks.ledger.domain.postings import Posting
    from headworks.ledger.ports.outside import Records


@dataclass(frozen=True, slots=True)
class BalanceFilter:
    """Which accounts; None takes all."""

    kind: AccountKind | None = None
    project_id: str | None = None
    key_id: str | None = None
    provider_id: str | None = None
    budget_id: str | None = None
    until_us: int | None = None
    """As they stood then: entries of later transactions do not count."""


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions; None takes all."""

    kind: TransactionKind | None = None
    reference: str | None = None
    from_us: int | None = None
    until_us: int | None = None
    """Not included."""


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries; None takes all."""

    account: int | None = None
    transaction: int | None = None


class Reading(Protocol):
    """One organisation's ledger."""

    @property
    def organization_id(self) -> str:
        """Whose it is."""

    @property
    def records(self) -> Records:
        """Its usage."""

    async def revision(self) -> int:
        """Moves with every change of its budgets and raises; 0 before the first."""

    async def budgets(self) -> list[Budget]:
        """Those that were not removed, by age."""

    async def budget(self, budget_id: str) -> Budget | None:
        """One of `budgets`."""

    async def raises(self) -> list[Raise]:
        """Of all budgets, those that ended too, by age."""

    async def counters(self, places: Collection[Place]) -> dict[Place, Counters]:
        """Of those periods that have been opened."""

    async def periods(self, after: Place | None, limit: int) -> list[Counters]:
        """Every period that has been opened, of removed budgets too, in the order of their places."""

    async def holds(self, place: Place) -> list[Hold]:
        """What gateways hold of it; those that hold nothing are left out."""

    async def all_holds(self) -> list[Hold]:
        """What gateways hold of any budget, in no order."""

    async def places_held(self, budget_id: str) -> list[Place]:
        """The budget's periods of which somebody holds something."""

    async def alerts(self, place: Place) -> list[Alert]:
        """The thresholds that were crossed, the lowest first."""

    async def mark_ups(self) -> list[MarkUp]:
        """By when they begin."""

    async def closed_periods(self) -> list[ClosedPeriod]:
        """By time."""

    async def re_ratings(self, page: PageRequest) -> Page[ReRating]:
        """The newest first."""

    async def re_rating(self, re_rating_id: str) -> ReRating | None:
        """By id."""

    async def balances(self, wanted: BalanceFilter, page: PageRequest) -> Page[Balance]:
        """Accounts by number, and what they come to. Sums are exact, whatever their size."""

    async def balances_of(self, budget_id: str) -> list[Balance]:
        """Of all accounts of one budget."""

    async def transactions(self, wanted: TransactionFilter, before: int | None, limit: int) -> list[Transaction]:
        """The newest first, from below the number `before` on."""

    async def transactions_after(self, number: int, limit: int) -> list[Transaction]:
        """The oldest first."""

    async def transaction(self, number: int) -> Transaction | None:
        """By its number."""

    async def entries(self, wanted: EntryFilter, before: tuple[int, int] | None, limit: int) -> list[tuple[int, Entry]]:
        """Each with its account's number; the newest first, from behind (transaction, account) on."""

    async def entries_of(self, transactions: Collection[int]) -> list[Entry]:
        """All that those transactions have, in no order."""

    async def forgotten(self, transactions: Collection[int]) -> dict[int, Sums]:
        """What those of them settled whose records were forgotten since."""

    async def last_forgotten(self) -> int:
        """The transaction whose records were forgotten last, which is the newest of them; 0 where none were."""

    async def latest_adjustments(self, records: Collection[int]) -> dict[int, Adjustment]:
        """By record, for those that were rated anew."""

    async def adjustments_of(self, transactions: Collection[int]) -> list[Adjustment]:
        """Those that these transactions made."""

    async def adjusted(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """What re-ratings added to what began in that time; how many there were."""

    async def charged(self, scope: Scope, scope_id: str, period: Period) -> int:
        """What was charged for usage of that time, as far as it is settled, re-ratings included (nanodollars).

        For what lies before `records.kept_from` the sums of its whole days tell: of a period that began in the middle of one, and that
        nobody opened while its records were kept, the first hours do not count.
        """


class Unit(Reading, Protocol):
    """One transaction in one organisation: all of it happens, or nothing."""

    def audit(self, change: Change) -> None:
        """Write down what was changed, in this transaction."""

    def publish(self, event: object) -> None:
        """Tell `event` once the transaction is committed."""

    async def lock(self, *, alone: bool) -> None:
        """Keep budgets, mark-ups and closed periods as they are until the transaction ends.

        Many settle at the same time; who changes something, or rates anew, is alone. Call it before anything else is read.
        """

    async def touch(self) -> None:
        """Move `revision`."""

    async def begin(self, kind: TransactionKind, at_us: int, reference: str = "") -> int:
        """A transaction of the journal without entries; its number."""

    async def enter(self, number: int, posting: Posting) -> None:
        """Its entries. Call it once."""

    async def open_period(self, counters: Counters) -> bool:
        """Make and lock a period's counters; False where somebody else has. Their `end_us` is for ever."""

    async def locked(self, places: Collection[Place]) -> dict[Place, Counters]:
        """As `counters`. They, and the holds on them, stay what they are until the transaction ends."""

    async def put_counters(self, counters: Counters) -> None:
        """In the place of those that are there. Raises AmountTooLarge beyond 64 bits."""

    async def put_hold(self, hold: Hold) -> None:
        """In the place of the one that is there; one of nothing goes away."""

    async def add_budget(self, budget: Budget) -> None:
        """Raises BudgetExists."""

    async def replace_budget(self, budget: Budget) -> None:
        """One version further. Raises BudgetExists, Stale."""

    async def add_raise(self, one: Raise) -> None:
        """A new one."""

    async def replace_raise(self, one: Raise) -> None:
        """By its id."""

    async def add_alert(self, alert: Alert) -> bool:
        """False where it was told already."""

    async def add_mark_up(self, mark_up: MarkUp) -> None:
        """Raises MarkUpExists."""

    async def remove_mark_up(self, mark_up_id: str) -> None:
        """By its id."""

    async def add_closed_period(self, period: ClosedPeriod) -> None:
        """Behind all that there are."""

    async def put_re_rating(self, done: ReRating) -> None:
        """A new one, or what is there with other figures."""

    async def add_forgotten(self, sums: Mapping[int, Sums], at_us: int) -> None:
        """What transactions settled, by number, now that their records go."""

    async def add_adjustments(self, adjustments: Sequence[Adjustment]) -> None:
        """New ones."""


class Overview(Protocol):
    """The whole installation: what is due somewhere, and nothing of anybody's figures."""

    async def organizations(self) -> list[str]:
        """Those that the ledger has something of."""

    async def owner_of(self, budget_id: str) -> str | None:
        """Whose budget it is; of one that was not removed."""

    async def mark_up_book(self) -> MarkUpBook:
        """Everybody's mark-ups."""

    async def overdue_holds(self, at_us: int) -> list[tuple[str, Hold]]:
        """By organisation: those whose time is over, at most some hundreds."""

    async def holds_of(self, gateway: str) -> list[tuple[str, Hold]]:
        """By organisation: all that one gateway holds, in whatever life."""

    async def unsettled_owners(self) -> list[str]:
        """Organisations with records that are older than the ledger."""

    async def adjusted(self, from_us: int, until_us: int) -> list[Adjustment]:
        """All of records of that time."""

    async def imbalance(self) -> int:
        """What all entries add up to, which is nothing."""

    async def counter_difference(self, at_us: int) -> int:
        """By how much the counters of periods that run then are not what their entries say, all together: nothing."""

    async def kept_from(self) -> int:
        """As `Records.kept_from`."""

    async def due_raises(self, at_us: int) -> list[tuple[str, Raise]]:
        """By organisation: those whose time is over, and that nobody has ended yet."""


class Installation(Protocol):
    """A transaction of somebody else's, usage's, that the ledger takes part in."""

    def of(self, organization_id: str) -> Unit:
        """One organisation's part of it."""

    async def begin(self, owners: Collection[str], at_us: int) -> dict[str, int]:
        """A transaction of the journal for the usage of each organisation, without entries; its number.

        Until the end what it is settled by stays as it is: all are locked, together with others.
        """

    async def budgets(self, owners: Collection[str]) -> Mapping[str, Sequence[Budget]]:
        """Each organisation's; those that were not removed, by age."""

    async def enter(self, postings: Mapping[int, Posting]) -> None:
        """The entries of those transactions, by number. Call it once for each."""

    def committed(self) -> None:
        """Who commits it has done so: what was published is told now."""


class Ledger(Protocol):
    """The door to the store."""

    def reading(self, organization_id: str) -> AbstractAsyncContextManager[Reading]:
        """All that the block reads is of one moment. Raises DatabaseUnavailable."""

    def writing(self, organization_id: str) -> AbstractAsyncContextManager[Unit]:
        """Commits at the end of the block, unless it raises, and then tells. Raises DatabaseUnavailable, TransactionLost."""

    def overlooking(self) -> AbstractAsyncContextManager[Overview]:
        """Look-ups over the whole installation. Raises DatabaseUnavailable."""

    def joining(self, transaction: object) -> AbstractAsyncContextManager[Installation]:
        """Take part in a transaction of usage's, whatever its adapter calls one, from inside of it."""
