"""Other contexts, as the ledger needs them. Bootstrap says who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from headworks.catalog.contracts import PriceBook
    from headworks.kernel.scopes import Scope
    from headworks.ledger.contracts import Period, RatedRecord, RecordRange, RecordSum, Sums


class Prices(Protocol):
    """Filled by the catalog's facade."""

    async def price_book(self) -> PriceBook:
        """Every price, to be asked without waiting. Raises Unavailable."""


class ScopeNames(Protocol):
    """What budgets can be of; filled by bootstrap from identity and the catalog."""

    async def has(self, organization_id: str, scope: Scope, scope_id: str) -> bool:
        """Whether the organisation has it. Raises Unavailable."""


class Records(Protocol):
    """One organisation's usage records, read on the ledger's own connection and so at its moment.

    Amounts are those that records were stored with.
    """

    async def sum(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """What began in that time comes to, as far as it is settled, in this transaction too."""

    async def kept_from(self) -> int:
        """Nothing that began before this is stored any more, and its records may be gone (UTC microseconds, 0 in the beginning)."""

    async def sum_of_days(self, scope: Scope, scope_id: str, period: Period) -> Sums:
        """What the whole days (UTC) of that time come to, re-ratings included, by the roll-ups: for days before `kept_from`."""

    async def following(self, wanted: RecordRange, after: tuple[int, int] | None, limit: int) -> Sequence[RatedRecord]:
        """In the order of (occurred_at_us, number), from behind `after` on."""

    async def sums(self, transactions: Collection[int]) -> Sequence[RecordSum]:
        """What the records add up to that name one of the transactions."""

    async def unsettled(self, limit: int) -> Sequence[RatedRecord]:
        """Those that name no transaction: they are older than the ledger."""

    async def newest(self, transactions: Collection[int]) -> Mapping[int, int]:
        """When the newest record of each of those transactions began; of those that have none, nothing."""

    async def last_transaction(self) -> int | None:
        """Which one the record with the highest number of all names: it stays, so that no number is given twice."""

    async def forget(self, transactions: Collection[int]) -> int:
        """Delete all records that name one of those; how many they were, other organisations' included."""

    async def strays(self, first: int, last: int, known: Collection[int]) -> int:
        """How many records name a transaction from `first` to `last` that is none of the `known`, and so is not there."""

    async def settle(self, numbers: Collection[int], transaction: int) -> None:
        """Name the transaction that settled those older records. Their charge is their cost."""

    async def adjust(self, changes: Iterable[tuple[RatedRecord, int, int, int]]) -> None:
        """Carry changes of a record's cost, of its charge, and of whether it lacks a price (-1: it has one now), into reports."""
